Feature: A run shows what a solution can do

  @C8 @step-3 @after-C2
  Scenario: A run that passes completes its level, and opens the next
    Given a learner of a class
    When a run of the lowest level passes
    Then it is told with all its checks, and the level is completed
    And the next level is open, and no other

  @C9 @step-3 @after-C8
  Scenario: A level counts only with all below it, green in the same run
    Given a learner of a class
    And two levels are completed
    When a run of the third fails in one of them, and another run does not
    Then the first run shows nothing above what failed, and completes nothing
    And the second has judged all three, in their order and with one seed
