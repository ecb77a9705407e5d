Feature: However a route is asked, it answers and counts as the contract says

  Background:
    Given a throttler

  @C29 @step-2
  Scenario: The routes answer what the contract says
    Given a client
    When it pings, and echoes words of all lengths and scripts
    Then the answers are pong, the words, and problems for those that are too long or none

  @C31 @step-2 @after-C2
  Scenario: However a limited route is asked, each request costs one, and what does not reach a route nothing
    Given a client
    And its metrics are looked at
    When it asks in every way that counts, and between them in every way that does not
    Then every answer has the status that the contract says
    And one request more is refused, with whatever input, but for what does not reach the route
    And all of them were counted in the metrics

  @C36 @step-5 @after-C31
  Scenario: The fields are on each answer that was counted, and on no other
    Given a client
    When it asks in every way that counts, and between them in every way that does not
    Then each counted answer tells the policy and what remains of it, and the others nothing
    And a line of the output tells of each of them
