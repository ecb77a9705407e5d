Feature: Redis returns, each time, and to a process of any age

  @C26 @step-7 @after-C9
  Scenario: Redis is used again within two seconds of its return, each time
    Given a throttler whose failure mode is drawn
    And Redis is seen to count
    When Redis is lost for a moment, is asked for all the time, and returns, again and again
    Then each time a new client was counted in Redis within two seconds

  @C35 @step-7 @after-C9
  Scenario: A Redis that has forgotten its scripts, or everything, is not lost
    Given a throttler whose failure mode is closed
    And Redis is seen to count
    When Redis, which takes a while for each command, forgets its scripts in the middle of a client's budget
    Then the client's requests go on to count in Redis, exactly
    And when many were answered at once, and Redis is started anew, empty, the first request is counted there

  @C40 @step-7 @long
  Scenario: A process counts as well when it has run for a while, and has lost Redis for long
    Given a throttler of its own with a limit of any size
    And Redis is seen to count
    When Redis is lost for eleven seconds, is asked for all the time, and returns
    Then a new client was counted in Redis within two seconds
    And when the process has run for a while, one who has nearly used up its budget gets the rest and no more
