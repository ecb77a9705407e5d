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

  @C7 @step-2 @after-C1
  Scenario: A verifier that does not answer stops nothing but what needs it
    Given a service whose verifier lists nothing
    When the levels are asked for, before the verifier is mended and after
    Then they are 503, and then there
