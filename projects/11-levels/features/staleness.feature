Feature: What was shown once does not count for ever

  @C39 @step-7 @after-C8
  Scenario: What was verified long ago, or by another contract, is stale
    Given a learner of a class
    When a level is verified by another contract, by its own, and then not for long
    Then it is stale each time but in between, and completed since the first time
