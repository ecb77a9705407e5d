Feature: Receipts are a chain that shows what was done to it

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
