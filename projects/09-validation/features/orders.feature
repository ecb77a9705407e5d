Feature: Request bodies are validated

  Background:
    Given a validation service

  @C15 @step-3
  Scenario: An order is read, and its total is exact
    When orders are sent
    Then each gets 200 with the number of its lines and their exact total

  @C16 @step-3 @after-C15
  Scenario: Every mistake in an order is told, at its place
    When orders with a mistake each, and with several, are sent
    Then each gets 422 with an entry for each mistake, and no other

  @C17 @step-4 @after-C16
  Scenario: An order is judged as its schema judges it
    When the schema of an order is registered
    Then the same orders get the same pointers and codes from either
