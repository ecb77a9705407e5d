Feature: What a lost Redis means with the failure modes open and closed

  @C27 @step-7 @after-C2
  Scenario: With the failure mode open, a lost Redis lets every request in
    Given a throttler whose failure mode is open
    When Redis is lost in every way, one after another, and a client sends one more than the limit each time
    Then all of them succeed
    And each answer came within 200 ms
    And none of them tells a budget
    And each time they were counted in the metrics

  @C28 @step-7 @after-C2
  Scenario: With the failure mode closed, a lost Redis lets no request in
    Given a throttler whose failure mode is closed
    When Redis is lost in every way, one after another, and a client sends one more than the limit each time
    Then all of them are refused with 503 and a time to wait
    And each answer came within 200 ms
    And none of them tells a budget
    And each time they were counted in the metrics
