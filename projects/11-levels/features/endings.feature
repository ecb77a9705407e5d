Feature: Nothing is left of a run that has ended

  @C21 @step-4 @after-C8
  Scenario: A cancelled run leaves no process and no port
    Given a learner of a class
    When runs are cancelled that wait, that run, and that have ended
    Then what ran has left no process and no port, and what had ended stays as it was

  @C22 @step-4 @after-C8
  Scenario: What outlives its verifier is ended with it
    Given a learner of a class
    When a verifier ends by itself, and leaves a process behind that has left its session
    Then the run passes, and no process and no port is left

  @C23 @step-4 @after-C8 @long
  Scenario: A run that does not end is errored, and ended
    Given a service with one worker, which gives a run little time
    When a verifier hangs, and hears no signal
    Then the run is errored in time, and nothing is left
