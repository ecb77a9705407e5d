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
