Feature: A large limit and a long window are kept as small ones are

  @C14 @step-4 @after-C2
  Scenario: A restart forgets nothing, also of a large budget and a long window
    Given a throttler with a large limit and a long window
    And Redis is seen to count
    When a client uses up its budget at once
    And the web process is ended, one way or the other, and started again
    And it sends a request
    Then the request is refused after the restart, too

  @C39 @step-5 @after-C15
  Scenario: A large limit and a long window are told as they are
    Given a throttler with a large limit and a long window
    And a client
    When it sends some requests
    Then each answer tells the policy, what remains of it, and when the window closes
    And its keys live as long as the window
    And when its keys are made to live shorter, it is told so
    And one who has nearly used up its budget gets the rest and no more
    And another client is told the same while Redis is lost
