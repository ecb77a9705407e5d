Feature: What is no flag is not kept

  Background:
    Given a flag service of two processes

  @C3 @step-2 @after-C1
  Scenario: The values of a flag are of its type, for ever
    Then values of another type, and what not every client can read, get 422
    And another type gets 409

  @C4 @step-2 @after-C1
  Scenario: What is no flag is refused with a pointer
    Then documents with one mistake each get 422 and nothing is kept
