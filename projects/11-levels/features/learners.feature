Feature: Everybody sees what is theirs

  @C4 @step-2 @after-C2
  Scenario: In a class everybody sees their own progress and runs, and no others
    Given a learner of a class
    When somebody else of the class asks for the learner's runs, and somebody without a token for anything
    Then the runs are not found, and without a token that is known nothing is answered

  @C5 @step-2 @after-C1
  Scenario: Who runs the class adds learners by a name that nobody has
    Given a class
    When learners are added with names that are taken, and with names that are none
    Then they are refused, and the list of the class has each of the others once

  @C6 @step-2
  Scenario: On one's own machine there is one learner, without an account
    Given a service on the learner's own machine, with a key that was not there yet
    When it is asked without a token, by its address and by foreign names
    Then the learner has progress, and a foreign name gets 403
