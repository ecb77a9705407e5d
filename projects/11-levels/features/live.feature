Feature: A run is seen as it happens

  @C27 @step-5 @after-C8
  Scenario: The events of a run come as they happen, each with an id, and then the end
    Given a learner of a class
    When a run is followed from its beginning
    Then each event comes when it has happened, and the last is the end
    And who comes back with the last id gets 204

  @C28 @step-5 @after-C27
  Scenario: Who was cut off goes on where they were, at whichever process
    Given a learner of a class
    And a second web process
    When a run is followed by many who are cut off again and again
    Then each has got each event once, in their order

  @C29 @step-5 @after-C27
  Scenario: An id that was never given out begins anew, and says so
    Given a learner of a class
    When a run is followed with ids that it never gave out
    Then each is told to forget what it has, and gets all events

  @C30 @step-5 @after-C27
  Scenario: A stream is never silent for long
    Given a learner of a class
    When a run is followed in which nothing happens
    Then a comment comes within each heartbeat

  @C31 @step-5 @after-C27
  Scenario: A process that is stopped ends its streams
    Given a learner of a class
    When a run is followed at a web process that is told to stop
    Then the stream ends, and the process with exit code 0
