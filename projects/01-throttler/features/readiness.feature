Feature: Whether Redis can count, and not whether it answers, is what matters

  @C25 @step-7
  Scenario: While Redis is lost the service is alive but not ready, and says so within 200 ms
    Given a throttler whose failure mode is local
    When Redis is lost in every way, one after another
    Then each time it is alive, and not ready, and ready again when Redis is back

  @C41 @step-7 @after-C22
  Scenario: A Redis that answers and cannot count is lost
    Given a throttler whose failure mode is local
    When Redis answers and cannot count, first in one way and then in another
    Then each time it is alive, and not ready, and ready again when Redis is back
    And each time the limit held in the process, with each answer within 200 ms

  @C42 @step-7 @after-C9
  Scenario: What stands under a key and is no count is none
    Given a throttler whose failure mode is closed
    And Redis is seen to count
    When something else stands in place of a client's count
    Then the client has its whole budget, and no more
