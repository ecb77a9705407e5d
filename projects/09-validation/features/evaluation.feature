Feature: What takes too long to judge is stopped

  Background:
    Given a validation service

  @C31 @step-5 @after-C11
  Scenario: An evaluation that explodes is stopped, and others do not notice
    When a schema that explodes is registered, and one that explodes on some values is asked about them
    Then each is answered rightly or stopped, within EVALUATION_MS and a second, and none is stopped sooner
    And meanwhile others are answered as fast as ever
    And what was in the values is not in the log

  @C32 @step-5 @after-C8
  Scenario: A pattern takes linear time
    When long texts are matched with patterns that explode elsewhere
    Then each is judged rightly within a fifth of a second
