Feature: What a run has shown can be shown again

  @C36 @step-7 @after-C8
  Scenario: A run that passes has a receipt that anybody can read and check
    Given a learner of a class
    When runs pass, and others do not
    Then anybody can read the receipt of each that has passed, and of no other
    And each says what was run, is signed, and names the one before it

  @C37 @step-7 @after-C36
  Scenario: A receipt that is changed or taken away where it is kept is found
    Given a learner of a class
    And a chain of receipts
    When one of them is changed by a byte, and the last is taken away
    Then the chain tells which it is, and that all is well when it is back

  @C38 @step-7 @after-C36
  Scenario: Runs that end at the same time have one place each in the chain
    Given a learner of a class
    When runs of many folders end at the same time
    Then each has its own place in one chain

  @C39 @step-7 @after-C8
  Scenario: What was verified long ago, or by another contract, is stale
    Given a learner of a class
    When a level is verified by another contract, by its own, and then not for long
    Then it is stale each time but in between, and completed since the first time

  @C40 @step-7 @after-C36
  Scenario: On one's own machine the key is made, and a receipt says that it is from there
    Given a service on the learner's own machine, with a key that is not there yet
    When a run passes there
    Then its receipt is signed with a key that was made, and says local
