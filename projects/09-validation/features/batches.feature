Feature: Many values are validated in one request

  Background:
    Given a validation service

  @C33 @step-6 @after-C11
  Scenario: Each item of a batch has its result
    When a batch of good and bad items is validated
    Then there is a result for each item, in their order

  @C42 @step-6 @after-C34
  Scenario: Each of many values has the limits of one
    When values with as many mistakes as MAX_ERRORS, fewer and more, are sent as a batch and as a stream
    Then each result is told and cut off as the answer to one value is
    When values as deep and as large as may be, and one more, are sent as a batch and as a stream
    Then as a batch those at the limit are read, and those beyond it get 400
    And as lines of a stream the latter have the same codes

  @C43 @step-6 @after-C33
  Scenario: A batch and a stream refuse what any other route refuses
    When what is no strict JSON, and what may not be read, is sent as a batch
    Then each is refused as by any other route
    And a stream of another type than its two is refused with 415

  @C44 @step-6 @after-C34
  Scenario: Of many values those that explode are stopped, and others do not notice
    When a batch and a stream with a value that explodes are sent
    Then each is answered rightly or stopped in its time, and what stands beside it in the stream is judged
    And meanwhile others are answered as fast as ever
