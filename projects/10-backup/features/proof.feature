Feature: The manifest proves what was dumped

  @C3 @step-3 @after-C1
  Scenario: The proof of a table sees each of its rows and columns, and nothing else
    Given a backup service
    When tables of every kind are proven, again under other settings, and again after each change
    Then the tables that hold rows are counted and hashed, and no other
    And settings and the order of rows change no hash, and each change of a row changes that of its table

  @C4 @step-3 @after-C1
  Scenario: Who does not see all rows makes no version
    Given a backup service of its own
    When a user makes versions from whom row-level security hides rows, and then does not
    Then the first fails with rls_blocked and is not listed, and the second succeeds

  @C5 @step-3 @after-C1
  Scenario: The manifest knows what lies outside of the database
    Given a backup service of its own
    When the database gets an owner, grants, settings, a comment and a limit
    Then the manifest has them, the roles that are needed, and no password

  @C29 @step-3 @after-C3
  Scenario: Large objects are proven, too
    Given a backup service of its own
    When large objects are proven, again, and again after each change
    Then they are counted, and each change of any of them changes the hash
