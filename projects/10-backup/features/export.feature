Feature: Further than the core: dumps for development, without what is personal

  Background:
    Given a backup service with rules of what is personal
    And people and their orders in its database

  @E6 @extension-export
  Scenario: An export replaces what rules name, and nothing else
    When a version is exported, again from another process, and with another key
    Then stock tools make a database of it, in which only what rules name is replaced
    And the same is replaced by the same everywhere, and with another key by another
    And the live database is as it was, and nothing is left beside it

  @E7 @extension-export @after-E6
  Scenario: What could be told by an export is found, and there is no half of one
    When exports are asked for that forget a column, do not fit, or are interrupted
    Then each is refused or fails with its code, and leaves nothing
    And the version is no worse for it, and is exported once the rules are right
