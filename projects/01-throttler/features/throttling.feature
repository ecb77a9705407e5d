Feature: A client may send so many requests in a window, and no more
  The limit and the window are settings. They are drawn at random for each run.

  Background:
    Given a throttler

  @C1 @step-2
  Scenario: Requests under the limit all succeed
    Given a client
    When it sends as many requests as the limit
    Then all of them succeed

  @C2 @step-2 @after-C1
  Scenario: The request over the limit is refused with 429 and problem details
    Given a client that has used up its budget
    When it sends a request
    Then the request is refused with 429
    And the refusal is a problem that names its code and its request
    And it has the headers that every answer has

  @C3 @step-2 @after-C1
  Scenario: Each client has a budget of its own
    Given a client that has used up its budget
    When others, some with addresses close to its own, send one request more than the limit each
    Then only the last of each is refused

  @C4 @step-2 @after-C1
  Scenario: Each route has a budget of its own
    Given a client that has used up its budget
    When it sends as many requests as the limit to the other route
    Then all of them succeed

  @C5 @step-2 @after-C1
  Scenario: All paths of one route template share one budget
    Given a client
    When it echoes as many different words as the limit, long ones and strange ones too, and one more
    Then only the last of them is refused

  @C6 @step-2 @after-C2
  Scenario: Nothing but the two routes is ever limited, or costs anything
    Given a client
    When it asks for health, readiness, metrics and documents more often than the limit allows
    Then all of them succeed
    And what is no proper request to them gets no success
    And its budget is whole on both routes

  @C29 @step-2
  Scenario: The routes answer what the contract says
    Given a client
    When it pings, and echoes words of all lengths and scripts
    Then the answers are pong, the words, and problems for those that are too long or none

  @C7 @step-3 @after-C2
  Scenario: A window opens with a client's first request and closes a window later, not on the clock
    Given a client
    When it sends a request, and just before its window closes the rest of its budget
    Then a request still within the window is refused
    And after the window as many requests as the limit succeed again, and no more

  @C8 @step-3 @after-C2
  Scenario: Refused requests cost nothing
    Given a client that has used up its budget
    When it goes on sending until its window closes
    Then after the window as many requests as the limit succeed again, and no more

  @C9 @step-3 @after-C2
  Scenario: Every count is kept in Redis under the client and the route, with a time to live
    Given a client
    When it sends a request
    Then Redis holds keys of that client and that route
    And they expire with the window

  @C37 @step-3 @after-C9
  Scenario: What stands in Redis decides, and nothing else
    Given Redis is seen to count
    And a client that has used up its budget
    When its keys are given to another client, and taken from it
    Then the other client is refused
    And the client itself has its whole budget again

  @C10 @step-4 @after-C2
  Scenario: Exactly as many requests as the limit succeed when they arrive at the same instant
    Given Redis answers with a delay
    And a client
    When it sends three times its budget at the same instant
    Then exactly as many as the limit succeed

  @C11 @step-4 @after-C2
  Scenario: Several web processes share one budget
    Given a second web process
    And Redis answers with a delay
    And a client that asked both processes in turn until one more than its budget
    And a client
    When it sends three times its budget at the same instant, spread over both processes
    Then exactly as many as the limit succeed

  @C30 @step-4 @after-C2
  Scenario: The last request that a client has left is let in once
    Given a second web process
    And Redis answers with a delay
    And a client that has one request left
    When it sends three times its budget at the same instant, spread over both processes
    Then exactly as many as the limit succeed

  @C12 @step-4 @after-C2
  Scenario: A count that a crash left without a time to live does not ban its client for ever
    Given Redis is seen to count
    And clients that have used up some of their budgets
    When the time to live of one's count is lost, and another's is longer than the window
    And each of them sends a request
    Then every one of their keys lives for the window at most
    And after a further window each has its whole budget again

  @C13 @step-4 @after-C2
  Scenario: There is no moment at which a count has no time to live
    Given Redis answers with a delay
    And a few clients
    When each of them sends a request while Redis is watched
    Then their counts were seen, and never without a time to live

  @C14 @step-4 @after-C2
  Scenario: A restart forgets nothing, also of a large budget and a long window
    Given a throttler with a large limit and a long window
    And Redis is seen to count
    When a client uses up its budget at once
    And the web process is ended, one way or the other, and started again
    And it sends a request
    Then the request is refused after the restart, too

  @C15 @step-5 @after-C1
  Scenario: Every limited answer tells the policy and what is left of it
    Given a client
    When it sends as many requests as the limit, and one more
    Then each answer tells the policy, what remains of it, and when the window closes

  @C16 @step-5 @after-C2
  Scenario: The time to wait is true to the second
    Given a client
    When it uses up its budget with a pause, and sends one request more
    Then each answer tells the policy, what remains of it, and when the window closes
    And they reach the end of the window, and less than a second beyond

  @C38 @step-5 @after-C15
  Scenario: What remains is right whichever process answers, also at the same instant
    Given a second web process
    And Redis answers with a delay
    And a client
    When it sends as many requests as the limit, and one more
    Then each answer tells the policy, what remains of it, and when the window closes
    And another client, all at the same instant, is told each number once, down to nothing

  @C39 @step-5 @after-C15
  Scenario: A large limit and a long window are told as they are
    Given a throttler with a large limit and a long window
    And a client
    When it sends some requests
    Then each answer tells the policy, what remains of it, and when the window closes
    And its keys live as long as the window
    And another client is told the same while Redis is lost

  @C36 @step-5 @after-C31
  Scenario: The fields are on each answer that was counted, and on no other
    Given a client
    When it asks in every way that counts, and between them in every way that does not
    Then each counted answer tells the policy and what remains of it, and the others nothing

  @C17 @step-5 @after-C2
  Scenario: A client that waits as long as it is told gets through
    Given a client that has used up its budget
    When it is refused, and waits as long as Retry-After says
    And it sends a request
    Then all of them succeed

  @C31 @step-2 @after-C2
  Scenario: However a limited route is asked, each request costs one, and what does not reach a route nothing
    Given a client
    And its metrics are looked at
    When it asks in every way that counts, and between them in every way that does not
    Then every answer has the status that the contract says
    And one request more is refused, with whatever input, but for what does not reach the route
    And all of them were counted in the metrics
