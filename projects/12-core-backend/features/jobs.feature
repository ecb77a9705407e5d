Feature: Each new user is welcomed

  @C19 @step-6 @long @after-C9
  Scenario: Each user is welcomed once, and nobody else is
    Given a backend with two workers
    When people register at the same instant, and others are refused
    Then each of the first is told of once, with a key of their own
    And of nobody else

  @C20 @step-6 @long @after-C19
  Scenario: What fails is tried again, later each time, and then kept as dead
    Given a backend with two workers
    When somebody registers whose welcome fails each time
    Then it is tried MAX_ATTEMPTS times, each time later, with the same key
    And then it is dead, and administrators alone see it and have it tried again
