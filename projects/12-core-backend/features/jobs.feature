Feature: Each new user is welcomed

  @C19 @step-6 @long @after-C9
  Scenario: Each user is welcomed once, and nobody else is
    Given a backend with two workers
    When people register at the same instant, and others are refused
    Then each of the first is told of once, with a key of their own
    And of nobody else

  @C20 @step-6 @long @after-C15
  Scenario: What fails is tried again, later each time, and then kept as dead
    Given a backend with two workers
    When somebody registers whose welcome fails each time
    Then it is tried MAX_ATTEMPTS times, each time later, with the same key
    And then it is dead, and administrators alone see it and have it tried again

  @C21 @step-6 @long @after-C19
  Scenario: No job is lost with the process that had it
    Given a backend with one worker
    When the worker is killed amid a job, and started again, as often as it may be
    Then the job is begun again within its lease and two seconds, and at last it is dead
    And whoever has registered when the web process is killed is welcomed

  @C24 @step-8 @long @after-C19
  Scenario: A worker that is stopped finishes its job, and takes no other
    Given a backend with one worker
    When it is sent SIGTERM amid a job
    Then it ends with exit code 0 in time, and what it had is done
    And what came meanwhile is done by the next one
