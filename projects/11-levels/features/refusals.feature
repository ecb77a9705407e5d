Feature: What is no run that can be made is refused

  @C10 @step-3 @after-C8
  Scenario: A locked level cannot be run
    Given a learner of a class
    When runs of levels are asked for that are not open
    Then each is refused with 409, and no verifier was called

  @C11 @step-3 @after-C8
  Scenario: What is no run that can be made is refused with a pointer
    Given a learner of a class
    When runs are asked for with members that are missing, wrong, or none
    Then each is refused with a pointer to its mistake, and no run was made

  @C12 @step-3 @after-C8
  Scenario: A folder is judged by one run at a time, however it is spelled
    Given a learner of a class
    When runs of one folder are asked for at the same instant, by several names of it
    Then one is made, and the others are told where it is
    And when it has ended another one can be made
