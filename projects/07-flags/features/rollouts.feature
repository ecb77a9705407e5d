Feature: A percentage is of people, and they stay

  Background:
    Given a flag service of two processes

  @C28 @step-6 @after-C9
  Scenario: Who is in is decided by the hash of the contract
    Then for many people, salts and percentages the gate is where the contract's hash has it

  @C29 @step-6 @after-C28
  Scenario: A split is by another seed, whatever the order of its rows
    Then people have the variants of the contract's hash, on each process, in any order of the rows

  @C30 @step-6 @after-C29
  Scenario: A rollout that widens loses nobody, and moves nobody
    When a rollout widens step by step
    Then all who were in stay in, each with the variant that they had

  @C31 @step-6 @after-C28
  Scenario: Two rollouts are of different people, unless they share a group
    Then two flags of a tenth each have about a hundredth in common, and with one group they have all

  @C32 @step-6 @after-C28
  Scenario: A rollout may be by another attribute
    Then all of an organisation have the same, and a rule whose attribute is absent does not match
