Feature: A client is told what it has left, and how long it has to wait

  Background:
    Given a throttler

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

  @C17 @step-5 @after-C2
  Scenario: A client that waits as long as it is told gets through
    Given a client that has used up its budget
    When it is refused, and waits as long as Retry-After says
    And it sends a request
    Then all of them succeed
