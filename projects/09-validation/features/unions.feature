Feature: Of a union the mistakes of the branch that was meant are told

  Background:
    Given a validation service

  @C20 @step-4 @after-C11
  Scenario: Of a union the branch that a constant picks is told, and otherwise one mistake
    When values that fit no branch of a union are validated
    Then where a constant that all branches have picks one, its mistakes are told
    But where none picks one, there is one no_branch with the number of branches
