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
