Feature: Several streams are read as one

  Background:
    Given a log viewer

  @C42 @step-9 @after-C19
  Scenario: Entries of several streams come in the order of their instants
    When streams with late lines, equal instants and other zones are merged, with filters and without
    Then each entry came once, by instant, and of one instant in the order of the streams

  @C43 @step-9 @after-C42
  Scenario: The cursors of a merge lead both ways, whatever happens to the files
    When a merge is read page by page, to and fro, while its streams grow and are rotated
    Then each entry came once, by instant, and of one instant in the order of the streams

  @C44 @step-9 @after-C42
  Scenario: A merge accounts for what it has read, and stops when it is too much
    When streams are merged that are larger than the budget
    Then the parts are the whole, and each accounts for every byte
