Feature: What came can be found

  Background:
    Given a webhook service

  @C37 @step-6 @after-C13
  Scenario: Events are listed, page by page, by source and by state
    When sources have events that are forwarded, and one that is dead
    Then a walk by next_cursor meets each once, newest first, and the filters do what they say
    But a bad limit, cursor or state gets a 4xx
