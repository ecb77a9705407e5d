Feature: What cannot be read at all is refused

  Background:
    Given a validation service

  @C29 @step-5
  Scenario: A body that is too large, of another type or compressed is refused as that
    When bodies beyond the limit, of other types, of none and compressed are sent
    Then they get 413 and 415

  @C30 @step-5
  Scenario: The way in which errors are told never fails
    When garbage of many kinds is sent everywhere
    Then every answer is a 4xx problem, and the service is alive
