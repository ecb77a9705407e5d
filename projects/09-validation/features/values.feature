Feature: Values are validated by their versions

  Background:
    Given a validation service

  @C11 @step-3 @after-C1
  Scenario: A value is valid or invalid as its version has it
    When a value that fits and one that does not are validated for each rule of JSON Schema
    Then those that fit get 200, and the others 422 with one entry, at their place and with the code of the rule

  @C12 @step-3 @after-C11
  Scenario: Numbers are exact, or refused
    When numbers that a double would round are validated
    Then none is taken for its neighbour
    And a number that no double is near is refused with 400

  @C13 @step-3 @after-C11
  Scenario: Nothing is converted
    When text, booleans and numbers stand where another type is asked for
    Then each is a wrong_type
    But a number without a fraction is an integer, however it is written

  @C14 @step-3 @after-C11
  Scenario: A format is asserted only where the version was registered so
    When values of wrong formats are validated by two versions of one schema
    Then the version that asserts formats refuses them, and the other takes them
