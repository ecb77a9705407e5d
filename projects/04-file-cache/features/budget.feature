Feature: A budget of bytes, and who makes room

  @C27 @step-8 @after-C4
  Scenario: All that is stored has the budget at most, and not much less
    Given a cache with a small budget
    And a second process with the same folder
    When three times as much is stored as the budget, by both processes, over restarts
    Then what is found has BUDGET_BYTES at most and three quarters of it at least, and what came last is found
    And the files have not much more

  @C28 @step-8 @after-C27
  Scenario: What was read outlives what nobody reads, however much of it comes
    Given a cache with a small budget
    When entries are stored of which some are read once, and three times the budget follows that nobody reads
    Then those that were read are still there

  @C29 @step-8 @after-C27
  Scenario: What is on its way takes room, and what does not fit beside it gets 507 before it is sent
    Given a cache with room for a few large entries
    And a second process with the same folder
    When uploads that are under way hold most of the budget, and more come than fit
    Then those get 507, entries or not, and the ones under way are stored
    And the room of those that ended early is free again
