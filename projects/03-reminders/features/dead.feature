Feature: What has failed for good is dead, and can be replayed

  Background:
    Given a reminder service with two workers

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
