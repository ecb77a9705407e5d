Feature: What two parsers could read differently is refused

  Background:
    Given a validation service

  @C25 @step-5
  Scenario: What is not strict JSON is refused with its place
    When texts with one fault each are sent to every route that reads JSON
    Then each gets 400 with the offset, the line and the column of the fault

  @C26 @step-5
  Scenario: A name that an object has twice is refused
    When objects with a name twice, spelled alike and differently, are sent
    Then each gets 400 with a pointer and the place of the second
    But the same name in another object is no fault
