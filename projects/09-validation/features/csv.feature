Feature: Records of CSV are values, too

  Background:
    Given a validation service

  @C37 @step-6 @after-C34
  Scenario: Records of CSV are judged as objects
    When records of CSV are sent, with quotes, line breaks, commas and empty cells in them
    Then each is judged by the types of the schema, with the number of its first line
    But what has no header is refused by one line
