Feature: A whole track against the clock

  @C32 @step-6 @after-C8
  Scenario: A speed run tells its state and its time, and no more
    Given a learner of a class who has completed a track
    When speed runs of it pass and fail, after they have waited for a worker
    Then each is told with its time from the request on, and nothing else
    And all levels were judged in it, and the progress is as it was

  @C33 @step-6 @after-C32
  Scenario: A speed run is for a track that is completed
    Given a learner of a class
    When speed runs are asked for of tracks that are not completed, or not there
    Then each is refused, and no verifier was called

  @C34 @step-6 @after-C32
  Scenario: A learner has one speed run at a time
    Given a learner of a class who has completed a track
    When speed runs of several folders are asked for at the same instant, by the learner and by somebody else
    Then each of them has one, and the others are told where it is

  @C35 @step-6 @after-C32
  Scenario: The best time is the shortest that has passed
    Given a learner of a class who has completed a track
    When speed runs take a while, less, and longer, and others do not pass
    Then the second is the best, and nobody else has it
