Feature: Many entries are invalidated at once

  @C30 @step-9 @after-C5
  Scenario: An entry is in the groups that it was stored with, and a miss once one of them is invalidated
    Given a cache
    When entries are stored with groups, and one group is invalidated
    Then each entry of it is a miss, every other is there with its groups, and what is stored anew is there

  @C31 @step-9 @after-C30
  Scenario: Groups are read as a list of strings, of which there are 32 at most
    Given a cache
    When entries are stored with lists that are unusual, too long and none
    Then the first are given back and count, and the others are refused and change nothing

  @C32 @step-9 @after-C30
  Scenario: An invalidation holds in all processes, over restarts, and for what is on its way
    Given a cache of its own
    And a second process with the same folder
    When groups are invalidated by one process, while an upload with one of them is on its way at the other
    Then no process gives out an entry of them, and what was on its way is a miss, also after a kill

  @C33 @step-9 @after-C4
  Scenario: Entries whose keys begin alike are removed at once
    Given a cache of its own
    When entries are stored under keys that begin alike and that do not, and the first are purged
    Then the number of those is told, they are a miss, and all others are there
