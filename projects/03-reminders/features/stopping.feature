Feature: Workers stop, and start again

  @C29 @step-4 @after-C18
  Scenario: A worker that is stopped finishes what it holds, or gives it back
    Given a reminder service with two workers and long leases, which signs
    And reminders that one worker is delivering, to a slow receiver and to one that never answers
    When that worker is sent SIGTERM
    Then it ends with exit code 0 within 10 seconds
    And what was answered is not delivered again, and what was broken off is, at once

  @C30 @step-4 @after-C18
  Scenario: What came due while no worker ran fires as soon as one does
    Given a reminder service with two workers
    And a reminder whose next attempt is to come
    And all workers are down
    When the time of some reminders comes and goes, and the workers are started while nothing else is there
    Then each of them was delivered once
    And so is the one that waited, by its next attempt
