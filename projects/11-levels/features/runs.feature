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

  @C13 @step-3 @after-C8
  Scenario: What a verifier reports decides, and what it does not report never passes
    Given a learner of a class
    When verifiers fail, crash, and say too little
    Then each run ends as the contract has it, and completes nothing

  @C14 @step-3 @after-C8
  Scenario: A verifier that contradicts itself is a fault of the platform
    Given a learner of a class
    When verifiers say one thing and another
    Then each run is errored, and completes nothing

  @C15 @step-3 @after-C8
  Scenario: A check that is inconclusive is tried again, and both verdicts are kept
    Given a learner of a class
    When checks are inconclusive once, for ever, or until they fail
    Then they were asked for again alone, and the last verdict counts

  @C16 @step-3 @after-C8
  Scenario: What a verifier prints is kept as text, without secrets, and not without end
    Given a learner of a class
    When a verifier prints colours, markup, secrets and a million lines
    Then what is kept is text, without secrets, and no longer than it may be

  @C17 @step-3 @after-C8
  Scenario: A solution cannot read the service's own settings
    Given a learner of a class
    When a verifier looks at its environment
    Then nothing of the service's is in it
