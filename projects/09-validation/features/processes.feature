Feature: All processes know the same versions

  Background:
    Given a validation service

  @C3 @step-2 @after-C2
  Scenario: Of registrations of one document at the same instant one makes the version
    Given a second web process
    When a document is registered many times at the same instant with both processes
    Then one answer is a 201 and all others are 200, with the same id

  @C4 @step-2 @after-C1
  Scenario: A version is known to every process, and outlives them all
    When versions that another process, of smaller limits, was asked for are registered with one
    Then the other knows them at once
    And both know them after one was killed and the other was stopped, and they were started again

  @C46 @step-5 @after-C27
  Scenario: A version judges by every process, whatever the limits of that
    When versions that another process, of smaller limits, was asked for are registered with one
    Then each of the two judges values by them
