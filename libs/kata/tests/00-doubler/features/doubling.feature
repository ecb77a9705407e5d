Feature: It doubles numbers, and remembers the last one for a while

  Background:
    Given a doubler

  @C1 @step-1
  Scenario: A number is doubled
    When a number is doubled
    Then the answer is twice the number

  @C2 @step-1 @after-C1
  Scenario: A number above the largest is refused
    When a number above the largest is doubled
    Then it is refused with 422

  @C3 @step-2 @after-C1
  Scenario: The last result is kept for its time, and then forgotten
    When a number is doubled
    Then the last result is that number's
    And after its time it is forgotten

  @C4 @step-2 @after-C1
  Scenario: Numbers that are doubled at the same instant get an answer each
    When many numbers are doubled at the same instant
    Then each answer is twice its number

  @E1 @extension-negative
  Scenario: A negative number is doubled too
    When a negative number is doubled
    Then the answer is twice the number
