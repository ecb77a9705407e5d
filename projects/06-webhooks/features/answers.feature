Feature: Every answer says what to do

  Background:
    Given a webhook service

  @C19 @step-3 @after-C1
  Scenario: What is unknown, retired, too large or compressed is refused as such
    When deliveries come to no source, to a retired one, too large, and compressed
    Then each gets its status as a problem, and the large one before its end

  @C20 @step-3 @after-C1
  Scenario: A source has its limit in each minute, whoever takes its deliveries
    Given a second web process
    When a source with a limit sends more than that at the same instant, to all web processes
    Then as many as its limit get 202, the others get 429 with Retry-After, and no event is made of them
    But forged deliveries use nothing of it up
