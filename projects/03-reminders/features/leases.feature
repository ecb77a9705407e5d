Feature: At least once, and never twice at the same time

  @C24 @step-4 @after-C18
  Scenario: Two workers deliver each of many reminders once
    Given a reminder service with two workers
    When many reminders are due at the same few moments
    Then each of them was delivered once

  @C25 @step-4 @after-C18
  Scenario: A delivery that takes longer than the lease is not made twice
    Given a reminder service with two workers
    When the receivers of many reminders take longer than a lease to answer
    Then another one, due meanwhile, fires in time
    And each of them was delivered once

  @C26 @step-4 @after-C18
  Scenario: A reminder whose worker is killed during the delivery is delivered again
    Given a reminder service with two workers
    And a reminder that one worker is delivering
    When that worker is killed, while the other one is busy
    Then it is delivered again within the lease and two seconds, with the same Idempotency-Key
    And both attempts are counted

  @C27 @step-4 @after-C26
  Scenario: The late result of a worker that lost its lease changes nothing
    Given a reminder service with two workers
    And a reminder that one worker is delivering, to a receiver that will answer 410
    When that worker stands still past its lease, and comes back while the other one delivers
    Then the reminder is delivered, as the other worker says, and never was anything else since

  @C28 @step-4 @after-C26
  Scenario: A reminder that kills its worker each time ends as dead
    Given a reminder service with two workers
    And a reminder whose receiver never answers
    When each worker that delivers it is killed
    Then it is dead after as many attempts as are allowed
