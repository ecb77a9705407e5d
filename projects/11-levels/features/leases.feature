Feature: Each run ends once, whatever happens to those who judge it

  @C18 @step-4 @after-C8
  Scenario: A run whose worker is killed is taken up by another
    Given a learner of a class
    And a run that one worker judges
    When that worker is killed
    Then nothing of its verifier is left, and the run is taken up within the lease and two seconds
    And it ends once, with what the second verifier has said

  @C19 @step-4 @after-C18
  Scenario: A worker that stands still past its lease changes nothing when it comes back
    Given a learner of a class
    And a run that one worker judges
    When that worker stands still past its lease, and comes back while the other one judges the run
    Then its verifier had ended with the lease, and the run is as the other one has left it

  @C20 @step-4 @after-C18
  Scenario: A run that loses each of its workers ends as errored
    Given a learner of a class
    And a run that one worker judges
    When each worker that judges it is killed
    Then it is errored after three workers, and the folder can be judged again

  @C24 @step-4 @after-C8
  Scenario: Two workers judge each of many runs once
    Given a learner of a class
    When many runs are queued
    Then each has ended once, and was judged once

  @C25 @step-4 @after-C8
  Scenario: A worker that is stopped gives its run back
    Given a learner of a class
    And a run that one worker judges
    When that worker is told to stop
    Then it ends with exit code 0, and the other one takes the run up at once

  @C26 @step-4 @after-C8
  Scenario: A run outlives a loss of PostgreSQL
    Given a service with one worker, which gives a run little time
    When PostgreSQL is down or silent while a run is judged
    Then requests are answered with 503 in time, and the run passes when PostgreSQL is back
