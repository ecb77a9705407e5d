Feature: A lost Redis is bounded in time and has a designed answer

  @C22 @step-7 @after-C2
  Scenario: With Redis down, answers come within 200 ms and the limit holds in the process
    Given a throttler of its own
    And Redis is down
    And a client
    When it sends as many requests as the limit, and one more
    Then each answer came within 200 ms
    And only the last of them is refused

  @C23 @step-7 @after-C2
  Scenario: With Redis silent, answers come within 200 ms and the limit holds in the process
    Given a throttler of its own
    And Redis is silent
    And a client
    When it sends as many requests as the limit, and one more
    Then each answer came within 200 ms
    And only the last of them is refused

  @C24 @step-7 @after-C2
  Scenario: With Redis slow, answers come within 200 ms
    Given a throttler of its own
    And Redis is slow
    And a client
    When it sends as many requests as the limit
    Then each answer came within 200 ms
    And all of them succeed

  @C25 @step-7
  Scenario: While Redis is down the service is alive but not ready, and says so within 200 ms
    Given a throttler of its own
    And Redis is down
    Then it is alive
    And it is not ready

  @C26 @step-7 @after-C9
  Scenario: Redis is used again within two seconds of its return
    Given a throttler of its own
    And Redis is down
    And a client
    When it sends a request
    And Redis returns
    Then within two seconds a new client is counted in Redis

  @C27 @step-7 @after-C2
  Scenario: With the failure mode open, a lost Redis lets every request in
    Given a throttler of its own whose failure mode is open
    And Redis is down
    And a client
    When it sends as many requests as the limit, and one more
    Then all of them succeed
    And each answer came within 200 ms

  @C28 @step-7 @after-C2
  Scenario: With the failure mode closed, a lost Redis lets no request in
    Given a throttler of its own whose failure mode is closed
    And Redis is down
    And a client
    When it sends a request
    Then it is refused with 503 and a time to wait
    And each answer came within 200 ms
