Feature: What a worker leaves undone another one does

  Background:
    Given a webhook service

  @C28 @step-5 @long @after-C25
  Scenario: An event whose worker was killed is forwarded again when its lease is over, and not for ever
    When a worker is killed while it forwards an event
    Then another one forwards it within LEASE_SECONDS and two seconds, as the next attempt
    And an event that kills each of its workers is dead after MAX_ATTEMPTS

  @C29 @step-5 @after-C28
  Scenario: A worker that stood still past its lease changes nothing by what it says late
    When a worker stands still while it forwards an event, which another one then completes
    Then the event stays as the other one left it

  @C34 @step-5 @long @after-C25
  Scenario: A worker that is told to stop finishes what it holds, or gives it back
    When a worker is told to stop while it forwards events
    Then it ends with exit code 0 in time, and what it did not finish is forwarded at once

  @C35 @step-5 @long @after-C25
  Scenario: What was acknowledged is forwarded though every process is killed
    When all processes are killed amid deliveries and attempts, and started again
    Then all that was acknowledged is forwarded
