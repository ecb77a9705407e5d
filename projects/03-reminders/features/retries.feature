Feature: What fails is tried again, with patience and within limits

  Background:
    Given a reminder service with two workers

  @C33 @step-5 @after-C18
  Scenario: The waits between attempts stay within their bounds, grow, and are spread out
    When many reminders fail all their attempts, each in its way
    Then no wait is longer than its bound
    And later waits grow beyond the first bound
    And the waits are spread out

  @C34 @step-5 @after-C18
  Scenario: Retry-After is a lower bound for the wait
    When receivers ask for patience, in seconds and with a date
    Then each is called again once that time is over

  @C35 @step-5 @after-C18
  Scenario: No answer in time, a broken connection and a refused one are failed attempts
    When one receiver never answers, one never ends, one breaks off, and one refuses the connection
    Then each attempt is given up after DELIVERY_TIMEOUT_SECONDS at the latest, and made again
    And the attempts without an answer have no status

  @C36 @step-5 @after-C18
  Scenario: A receiver that answers 410 is not called again
    When a receiver answers 410
    Then the reminder is dead after one attempt

  @C37 @step-5 @after-C18
  Scenario: A reminder whose attempts are exhausted is dead, and can be found as such
    Given a reminder that has failed all its attempts
    Then it was attempted as often as MAX_ATTEMPTS says, and each attempt is shown
    And it is listed as dead, and can neither be changed nor cancelled

  @C51 @step-5 @after-C37
  Scenario: MAX_ATTEMPTS is obeyed, be they ever so many
    When a reminder of a service with a drawn MAX_ATTEMPTS fails all its attempts
    Then it is dead after exactly as many

  @C38 @step-5 @after-C37
  Scenario: A dead reminder can be replayed, with all its attempts
    Given a reminder that has failed all its attempts
    And one that was gone, and is gone the second time, too
    When it is replayed, and its receiver fails once more
    Then it is delivered
    And the one that was gone is delivered in its third occurrence
    And it cannot be replayed again

  @C50 @step-5 @after-C34
  Scenario: While it waits for its next attempt a reminder can be changed and cancelled
    Given reminders that wait for their next attempt
    When one is cancelled, one gets another message, and one another time
    Then the first is not called again, and the others as their next occurrence
