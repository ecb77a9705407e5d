Feature: A lost Redis is bounded in time and has a designed answer
  How it is lost, and at which moment, is drawn: while nothing is asked, with requests under way, with forty
  connections open, after it has been lost before.

  @C22 @step-7 @after-C2
  Scenario: With Redis down, answers come within 200 ms and the limit holds in the process
    Given a throttler whose failure mode is local
    And a client that has used up its budget in Redis
    When Redis is lost, down
    And it sends as many requests as the limit, and one more
    Then each answer came within 200 ms
    And only the last of them is refused by the process
    And the process remembers it, however many others ask
    And its other route, and other clients, have budgets of their own
    And after the window, and not before, the process lets it in again, as often as the limit

  @C23 @step-7 @after-C2
  Scenario: With Redis silent, answers come within 200 ms and the limit holds in the process
    Given a throttler whose failure mode is local
    And a client that has used up its budget in Redis
    When Redis is lost, silent
    And it sends as many requests as the limit, and one more
    Then each answer came within 200 ms
    And only the last of them is refused by the process
    And its other route, and other clients, have budgets of their own
    And after the window, and not before, the process lets it in again, as often as the limit

  @C24 @step-7 @after-C2
  Scenario: With Redis slow, answers come within 200 ms and the limit holds in the process
    Given a throttler whose failure mode is local
    And a client that has used up its budget in Redis
    When Redis is lost, slow
    And it sends as many requests as the limit, and one more
    Then each answer came within 200 ms
    And only the last of them is refused by the process
    And when Redis is back it knows what the client has used there
    And a loss that follows does not open its window in the process anew
    And its other route, and other clients, have budgets of their own
    And answers come in time, too, while Redis takes its time with each command or with each byte
