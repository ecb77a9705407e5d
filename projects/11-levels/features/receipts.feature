Feature: What a run has shown can be shown again

  @C36 @step-7 @after-C8
  Scenario: A run that passes has a receipt that anybody can read and check
    Given a learner of a class
    When runs pass, and others do not
    Then anybody can read the receipt of each that has passed, and of no other
    And each says what was run, is signed, and names the one before it

  @C40 @step-7 @after-C36
  Scenario: On one's own machine the key is made, and a receipt says that it is from there
    Given a service on the learner's own machine, with a key that was not there yet
    When a run passes there
    Then its receipt is signed with a key that was made, and says local
