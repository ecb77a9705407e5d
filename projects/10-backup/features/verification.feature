Feature: A version is what it says, and that is proven

  @C13 @step-5 @after-C1
  Scenario: Damage is found, has a name, and is never restored
    Given a backup service
    And rows in its database
    When versions are damaged in every way
    Then verification names each damage, and passes what is whole
    And none of them is restored, and the live database is as it was

  @C14 @step-5 @after-C2
  Scenario: A drill restores a version where nobody sees it, and measures how long that takes
    Given a backup service
    And rows in its database
    When a version is drilled while the database goes on
    Then it is proven, the drill says how long it took, and nothing of it is left
    And a version that turns out to be damaged is proven no more

  @C15 @step-5 @after-C14
  Scenario: What comes out otherwise than it went in is no success
    Given a backup service of its own
    And rows in its database
    When versions hold what comes out otherwise
    Then their drills and their restores fail with content_differs and name it, and the live database is as it was

  @C16 @step-5 @after-C14
  Scenario: Somebody else's dump becomes a version, proven by its first drill
    Given a backup service
    And rows in its database
    When files are imported that pg_dump has made, and others
    Then what pg_dump has made is a version of its time, and the others are refused
