Feature: What arrives at the same instant, or at several processes, is counted once

  Background:
    Given a throttler

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

  @C38 @step-5 @after-C15
  Scenario: What remains is right whichever process answers, also at the same instant
    Given a second web process
    And Redis answers with a delay
    And a client
    When it sends as many requests as the limit, and one more
    Then each answer tells the policy, what remains of it, and when the window closes
    And another client, all at the same instant, is told each number once, down to nothing
