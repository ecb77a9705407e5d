Feature: Without PostgreSQL the service says so

  Background:
    Given the service

  @C44 @step-7
  Scenario: While PostgreSQL does not answer, the service says so in time, and comes back with it
    Given a member with a task
    When PostgreSQL refuses, and when it is silent, and every route is asked
    Then it is alive, it is not ready, and the rest is a 503 within three seconds
    And within five seconds of PostgreSQL's return all is as it was
    And so it is when nobody has asked meanwhile
    And a release meanwhile has changed nothing, and what was made with a key is not made again
    And the output tells nothing of where PostgreSQL is
