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

  @C3 @step-2 @after-C1
  Scenario: The values of a flag are of its type, for ever
    Then values of another type, and what not every client can read, get 422
    And another type gets 409

  @C4 @step-2 @after-C1
  Scenario: What is no flag is refused with a pointer
    Then documents with one mistake each get 422 and nothing is kept

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

  @C8 @step-2 @after-C1
  Scenario: A change that was prepared is made at its time, unless the flag has changed by then
    When changes of flags are scheduled, and one of the flags is changed meanwhile
    Then the others are made on time, and that one is a conflict for good
