Feature: Levels open one after the other, and nobody marks them

  @C1 @step-2
  Scenario: The levels are those that the verifier lists
    Given a learner of a class
    When the levels are asked for
    Then they are those of the verifier, in its order

  @C2 @step-2 @after-C1
  Scenario: At the beginning the lowest level of each track is open
    Given a learner of a class
    When the progress of somebody new is asked for
    Then the lowest level of each track is IN_PROGRESS, and all others are LOCKED

  @C3 @step-2 @after-C2
  Scenario: Nothing that can be sent marks a level
    Given a learner of a class
    When progress is written to, in all ways that HTTP has
    Then each answer is a problem with status 405, and Allow names what may be done
    And the progress is what it was

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
    Given a service on the learner's own machine
    When it is asked without a token, by its address and by foreign names
    Then the learner has progress, and a foreign name gets 403

  @C7 @step-2 @after-C1
  Scenario: A verifier that does not answer stops nothing but what needs it
    Given a service whose verifier lists nothing
    When the levels are asked for, before the verifier is mended and after
    Then they are 503, and then there
