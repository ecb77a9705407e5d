Feature: Actions that become jobs

  Background:
    Given the platform, with two workers

  @C17 @step-10
  Scenario: Feature-gated action with background processing
    Given an authenticated user
    And feature flag enabled
    And request is under rate limit
    When user triggers an action
    Then a job is queued
    And execution is logged
    And retries occur on failure

  @C18 @step-10
  Scenario: Without the flag there is no action, and an organisation's own switch counts
    Given two organisations, a flag that is off, and one of the two that has it
    When both trigger the action
    Then the one has a job, and the other gets 403 and has none

  @C20 @step-11
  Scenario: A job that always fails is tried MAX_ATTEMPTS times, and is dead then
    Given an organisation
    And the feature is enabled
    When a destination always fails
    Then the job is dead after MAX_ATTEMPTS, the waits grow, and an admin can have it tried again

  @C21 @step-11
  Scenario: A job whose project is deleted meanwhile is discarded
    Given an organisation
    And the feature is enabled
    When a project is deleted while its job waits for the next attempt
    Then the job is discarded, and the destination is not called again

  @C22 @step-11
  Scenario: A job that waits can be cancelled, and none that has ended
    Given an organisation
    And the feature is enabled
    When a job is cancelled while it waits, and again
    Then it is not run, and the second gets 409

  @C23 @step-12
  Scenario: A worker that is killed loses its job to another one
    Given an organisation
    And the feature is enabled
    When a worker is killed while it runs a job
    Then another one runs it when the lease is over, as the next attempt

  @C24 @step-12
  Scenario: A job that takes longer than the lease is run once
    Given an organisation
    And the feature is enabled
    When a destination takes longer than the lease to answer
    Then it is called once, and the job succeeds

  @C25 @step-12
  Scenario: What a worker says that stood still too long changes nothing
    Given an organisation
    And the feature is enabled
    When a worker stands still beyond its lease, another one does its job, and it goes on
    Then the job is as the other one has left it

  @C26 @step-12
  Scenario: One organisation's many jobs do not delay another's
    Given an organisation
    And the feature is enabled
    When it triggers many slow actions, and another organisation triggers one
    Then the one starts within two seconds

  @C27 @step-10
  Scenario: While PostgreSQL or Redis is away, answers are bounded in time and nothing is lost
    Given an organisation
    And the feature is enabled
    When Redis is lost, and then PostgreSQL
    Then actions go on without Redis, get 503 without PostgreSQL, and go on when it is back
