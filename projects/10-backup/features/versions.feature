Feature: Versions of a database

  Background:
    Given a backup service

  @C1 @step-2
  Scenario: A version is made by a run, listed when it is whole, and lies in the storage as its manifest says
    Given rows in its database
    When a version is made
    Then the run tells how far it is and how it ended, and the version is listed and shown
    And its files are those of the manifest, and for the owner's eyes alone

  @C2 @step-2 @after-C1
  Scenario: Stock tools restore a version, and all of it is of one moment
    Given rows in its database
    When versions are made while others write in two tables at once
    Then zstd and pg_restore make of each what was in the database, and the two tables agree

  @C6 @step-2 @after-C1
  Scenario: Labels are kept, searched by, and bounded
    When versions are made with labels at each bound and beyond
    Then they are listed by each of their labels, and what is beyond is refused

  @C7 @step-2 @after-C1
  Scenario: Ids sort by time, and the list goes back as far as one asks
    When three versions are made
    Then their ids are ULIDs of their moments, and the list has the newest first, in pieces

  @C26 @step-2 @after-C2
  Scenario: A database may have any name
    When a version is made of a database with an odd name, and restored
    Then its folder has that name, escaped, and its rows are back

  @C9 @step-2 @after-C1
  Scenario: There is one run at a time, in all processes
    Given rows in its database
    And a second process with the same folder
    When many runs are asked for while one waits for a table
    Then all others are refused with 409, and one goes through behind it

  @C8 @step-2 @after-C2
  Scenario: All that is known lies in the storage
    Given rows in its database
    When another service that was never asked gets the same storage
    Then it shows the same versions and runs, and restores what it has not made
    And one that has a copy of the versions and nothing else brings back a database that is gone
