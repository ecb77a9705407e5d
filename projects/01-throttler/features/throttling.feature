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

  @C3 @step-2 @after-C1
  Scenario: Each client has a budget of its own
    Given a client that has used up its budget
    And another client
    When the other client sends as many requests as the limit
    Then all of them succeed

  @C4 @step-2 @after-C1
  Scenario: Each route has a budget of its own
    Given a client that has used up its budget
    When it sends as many requests as the limit to the other route
    Then all of them succeed

  @C5 @step-2 @after-C1
  Scenario: All paths of one route template share one budget
    Given a client
    When it echoes as many different words as the limit, and one more
    Then only the last of them is refused

  @C6 @step-2 @after-C2
  Scenario: Health, readiness and metrics are never limited
    Given a client
    When it asks for health, readiness and metrics more often than the limit allows
    Then all of them succeed

  @C29 @step-2
  Scenario: The routes answer what the contract says
    Given a client
    When it pings, echoes a word, and echoes one that is a letter too long
    Then the answers are pong, the word, and a problem with status 422

  @C7 @step-3 @after-C2
  Scenario: A window opens with a client's first request and closes a window later, not on the clock
    Given a client
    When it sends a request, and just before its window closes the rest of its budget
    Then a request still within the window is refused
    And after the window as many requests as the limit succeed again

  @C8 @step-3 @after-C2
  Scenario: Refused requests cost nothing
    Given a client that has used up its budget
    When it goes on sending until its window closes
    Then after the window as many requests as the limit succeed again

  @C9 @step-3 @after-C2
  Scenario: Every count is kept in Redis under the client and the route, with a time to live
    Given a client
    When it sends a request
    Then Redis holds keys of that client and that route
    And every one of them expires within the window

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
    Given a client that has used up its budget
    When the time to live of its count is lost
    And it sends a request
    Then every one of its keys has a time to live again
    And after a further window it is let in again

  @C13 @step-4 @after-C2
  Scenario: There is no moment at which a count has no time to live
    Given Redis answers with a delay
    And a few clients
    When each of them sends a request while Redis is watched
    Then their counts were seen, and never without a time to live

  @C14 @step-4 @after-C2
  Scenario: A restart forgets nothing
    Given a throttler with a long window
    And a client that has used up its budget
    When the web process is killed and started again
    And it sends a request
    Then the request is refused with 429

  @C15 @step-5 @after-C1
  Scenario: Every limited answer tells the policy and what is left of it
    Given a client
    When it sends as many requests as the limit, and one more
    Then each answer names the policy with its quota and its window
    And the remaining requests count down to nothing

  @C16 @step-5 @after-C2
  Scenario: The time to wait is true to the second
    Given a client
    When it uses up its budget with a pause, and sends one request more
    Then the seconds to wait reach the end of the window, and less than a second beyond

  @C17 @step-5 @after-C2
  Scenario: A client that waits as long as it is told gets through
    Given a client that has used up its budget
    When it is refused, and waits as long as Retry-After says
    And it sends a request
    Then all of them succeed

  @C18 @step-6 @after-C2
  Scenario: Without a trusted proxy, a forged X-Forwarded-For changes nothing
    Given a throttler that trusts no proxy
    When one client sends one request more than the limit, each with another forged address
    Then only the last of them is refused

  @C19 @step-6 @after-C2
  Scenario: Behind one trusted proxy, only the address that the proxy wrote counts
    Given a client
    When it sends one request more than the limit, each with another forged address before its own
    Then only the last of them is refused

  @C20 @step-6 @after-C2
  Scenario: Behind two trusted proxies, the second address from the right counts
    Given a throttler behind two trusted proxies
    When two clients come through the same second proxy
    Then each of them has a budget of its own
    And a forged address before theirs changes nothing

  @C21 @step-6 @after-C2
  Scenario: A request that did not come through all trusted proxies cannot choose its address
    Given a throttler behind two trusted proxies
    When one client goes round a proxy, and sends one request over the limit, each with another address
    Then only the last of them is refused
