Feature: Workers come and go

  @C21 @step-6 @long @after-C9
  Scenario: No job is lost with the process that had it
    Given a backend with two workers, and two attempts
    And an administrator, whom the second worker has welcomed, which is paused now
    When the worker that has a job is killed, and the next one stands still
    Then the job is begun again within its lease and two seconds, and at last it is dead
    And when it is tried again, who comes back from before ends nothing
    And whoever has registered when the web process is killed is welcomed

  @C24 @step-8 @long @after-C21
  Scenario: A worker that is stopped finishes its job, and takes no other
    Given a backend with two workers, and two attempts
    And an administrator, whom the second worker has welcomed, which is paused now
    When the first worker is sent SIGTERM amid a job
    Then it ends with exit code 0 in time, and what it had is done
    And what came meanwhile is done by the next one
