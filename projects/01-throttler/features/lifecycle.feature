Feature: Processes start and stop, whatever Redis does

  @C33 @step-7 @after-C2
  Scenario: On SIGTERM the requests that wait for Redis are answered, and nothing new is
    Given a throttler of its own with the lesson's settings
    And Redis is seen to count
    And a client that has used up its budget
    When it sends a request
    Then the request is refused with 429
    And a line of the output tells of each
    When it is sent SIGTERM twice while requests wait for a Redis that is slow or silent
    Then each of them is answered
    And a second later nobody else is
    And it has ended in order

  @C34 @step-7 @after-C2
  Scenario: A service whose Redis is away at the start starts, does what its failure mode says, and uses it when it comes
    Given a throttler of its own with the largest settings, whose failure mode is drawn
    And Redis is seen to count
    And a client that has sent some requests, and one who has nearly used up its budget
    When the web process is killed
    Then in whichever way Redis is lost, it starts with the smallest settings, answers by its failure mode, and uses Redis within two seconds of its return
    And the client that has used more than the new limit is refused, for the new window at most
