Feature: What is too deep or too large is refused before it costs anything

  Background:
    Given a validation service

  @C27 @step-5 @after-C25
  Scenario: MAX_DEPTH is exact, for values and for schemas
    When values and schemas as deep as MAX_DEPTH, and one level deeper, are sent
    Then the former are read, and the latter get 400
    And a hundred thousand brackets are refused at once

  @C28 @step-5 @after-C25
  Scenario: The numbers of members and of strings are exact limits
    When values with as many members and strings as may be, and with one more, are sent
    Then those at the limit are read, and those beyond it get 400
