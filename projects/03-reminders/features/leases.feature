Feature: At least once, and never twice at the same time

  Background:
    Given a reminder service with two workers

  @C24 @step-4 @after-C18
  Scenario: Two workers deliver each of many reminders once
    When many reminders are due at the same few moments
    Then each of them was delivered once

  @C25 @step-4 @after-C18
  Scenario: A delivery that takes longer than the lease is not made twice
    When the receivers of some reminders take longer than a lease to answer
    Then each of them was delivered once

  @C26 @step-4 @after-C18
  Scenario: A reminder whose worker is killed during the delivery is delivered again
    Given a reminder that one worker is delivering
    When that worker is killed
    Then it is delivered again within the lease and two seconds, with the same Idempotency-Key
    And both attempts are counted

  @C27 @step-4 @after-C26
  Scenario: The late result of a worker that lost its lease changes nothing
    Given a reminder that one worker is delivering, to a receiver that will answer 410
    When that worker stands still past its lease, and comes back while the other one delivers
    Then the reminder is delivered, as the other worker says, and never was anything else since

  @C28 @step-4 @after-C26
  Scenario: A reminder that kills its worker each time ends as dead
    Given a reminder whose receiver never answers
    When each worker that delivers it is killed
    Then it is dead after as many attempts as are allowed

  @C29 @step-4 @after-C18
  Scenario: A worker that is stopped finishes what it holds, or gives it back
    Given a reminder that one worker is delivering, to a receiver that takes its time
    When that worker is sent SIGTERM
    Then it ends with exit code 0 within 10 seconds
    And the reminder is delivered, and not twice if it was finished

  @C30 @step-4 @after-C18
  Scenario: What came due while no worker ran fires as soon as one does
    Given all workers are down
    When the time of some reminders comes and goes, and the workers are started again
    Then each of them was delivered once

  @C31 @step-4 @after-C18
  Scenario: A reminder that is being delivered can neither be cancelled nor changed
    Given a reminder that one worker is delivering, to a receiver that takes its time
    When it is cancelled and changed meanwhile, and cancelled again when it was delivered
    Then all three answers are 409
    And it was delivered once

  @C32 @step-4 @after-C31
  Scenario: Of a cancel and a claim at the same instant one wins, and both know which
    When many reminders are cancelled at the very moment at which they are due
    Then those that were cancelled never fire, and the others fire once
