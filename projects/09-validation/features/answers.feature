Feature: What an answer tells of a mistake, and what it does not

  Background:
    Given a validation service

  @C23 @step-4 @after-C11
  Scenario: Nothing that was sent is told back
    When values and orders with secrets in wrong places, and broken ones, are sent
    Then no answer and no line of the log has a secret in it

  @C24 @step-4 @after-C19
  Scenario: The same mistakes are told as a tree, and as JSON Schema's basic output
    When a value with mistakes under odd names is validated with each view
    Then the tree has each mistake at the end of its path, and basic has its instance and its keyword
    And the list is the same in all of them
