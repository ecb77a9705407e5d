Feature: The counts stand in Redis, and live as long as their windows

  Background:
    Given a throttler

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
    And when its keys are made to live shorter, it is told so

  @C12 @step-4 @after-C2
  Scenario: A count that a crash left without a time to live does not ban its client for ever
    Given Redis is seen to count
    And clients that have used up some of their budgets
    When the time to live of one's count is lost, and that of others is longer than the window
    And each of them sends a request
    Then every one of their keys lives for the window at most
    And after a further window each has its whole budget again

  @C13 @step-4 @after-C2
  Scenario: There is no moment at which a count has no time to live
    Given Redis answers with a delay
    And a few clients
    When each of them sends a request while Redis is watched
    Then their counts were seen, and never without a time to live
