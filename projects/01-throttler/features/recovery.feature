Feature: Redis returns, and processes stop and start, in any order

  @C26 @step-7 @after-C9
  Scenario: Redis is used again within two seconds of its return, each time
    Given a throttler whose failure mode is drawn
    And Redis is seen to count
    When Redis is lost for a while, is asked for all the time, and returns, twice
    Then each time a new client was counted in Redis within two seconds

  @C33 @step-7 @after-C2
  Scenario: On SIGTERM the requests that wait for Redis are answered, and nothing new is
    Given a throttler of its own with the lesson's settings
    And Redis is seen to count
    And a client that has used up its budget
    When it sends a request
    Then the request is refused with 429
    And a line of the output tells of each
    When it is sent SIGTERM while requests wait for a Redis that is slow or silent
    Then each of them is answered
    And a second later nobody else is
    And it has ended in order

  @C34 @step-7 @after-C2
  Scenario: A service whose Redis is away at the start starts, does what its failure mode says, and uses it when it comes
    Given a throttler of its own with the largest settings, whose failure mode is drawn
    And Redis is seen to count
    And a client that has sent some requests
    When Redis is lost, and the web process is killed and started again with the smallest settings
    Then it is alive and not ready, and another client gets what the failure mode says
    And when Redis returns it is used within two seconds
    And the client that has used more than the new limit is refused, for the new window at most

  @C35 @step-7 @after-C9
  Scenario: A Redis that has forgotten its scripts, or everything, is not lost
    Given a throttler whose failure mode is closed
    And Redis is seen to count
    When Redis, which takes a while for each command, forgets its scripts in the middle of a client's budget
    Then the client's requests go on to count in Redis, exactly
    And when Redis is started anew, empty, it is used within two seconds
