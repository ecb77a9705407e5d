Feature: A verifier's word counts where it agrees with itself

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
