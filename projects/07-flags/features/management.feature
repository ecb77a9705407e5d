Feature: Flags are kept in the database, and changed by who has seen them

  Background:
    Given a flag service of two processes

  @C1 @step-2
  Scenario: A flag is made, shown, listed and changed
    When flags of each type are made
    Then each is shown and listed as it was made, and a change of each member moves its ETag

  @C2 @step-2 @after-C1
  Scenario: A change that was made from an older version overwrites nothing
    Then a change without If-Match gets 428, and one of an older version 412
    And of changes from one version that arrive together one is made

  @C5 @step-2 @after-C1
  Scenario: Each change leaves who made it, before and after
    When flags are made and changed by two administrators
    Then the audit lists each change once, the newest first, page by page

  @C6 @step-2 @after-C1
  Scenario: An archived flag is gone, and its key is not
    When a flag that another needs is archived
    Then it gets 409 with the names, until nobody needs it

  @C7 @step-2 @after-C1
  Scenario: Only administrators manage
    Then each route gets 401 without a token of theirs
