Feature: It counts names

  Background:
    Given a counter

  @C1 @step-2
  Scenario: Each count of a name is one increment more
    When a name is counted three times
    Then each answer is one increment above the one before

  @C2 @step-2 @after-C1
  Scenario: Names that are counted at the same instant lose no count
    When a name is counted twenty times at the same instant
    Then it is twenty increments

  @C3 @step-2 @after-C1
  Scenario: A name that was never counted is not found, and one that cannot be counted is refused
    When a name that was never counted is asked for, and one with a blank is counted
    Then the answers are problems with status 404 and 422

  @C4 @step-2 @after-C1
  Scenario: A count outlives the process
    When a name is counted, and the process is killed and started again
    Then it is still counted

  @C6 @step-3 @after-C1
  Scenario: The worker tells what all counts come to, and stops in time
    When a name is counted, and a worker runs
    Then a line of its output is a JSON object with the total
    And it stops with exit code 0
