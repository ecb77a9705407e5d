Feature: A stop lets a stream come to its end

  Background:
    Given a validation service

  @C38 @step-6 @after-C34 @long
  Scenario: A stop lets a stream come to its end
    When the service is stopped in the middle of a stream and of an evaluation
    Then the rest of the stream is judged, and the service ends with exit code 0
    And what is evaluated meanwhile has its time, and no more
