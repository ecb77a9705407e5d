Feature: What is being delivered can be neither cancelled nor changed

  @C31 @step-4 @after-C18
  Scenario: A reminder that is being delivered can neither be cancelled nor changed
    Given a reminder service with two workers
    And a reminder that one worker is delivering, to a receiver that takes its time
    When it is looked at, cancelled, changed and replayed meanwhile
    Then the answers are 409, and it is shown as being delivered, with an attempt that runs
    And when it was delivered, they are 409 too
    And it was delivered once

  @C32 @step-4 @after-C31
  Scenario: Of a cancel and a claim at the same instant one wins, and both know which
    Given a reminder service with two workers
    When many reminders are cancelled at the very moment at which they are due
    Then those that were cancelled never fire, and the others fire once
