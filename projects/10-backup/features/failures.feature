Feature: A failure is a failure

  Background:
    Given a backup service of its own
    And rows in its database

  @C10 @step-4 @after-C1
  Scenario: A run that fails says why, and leaves nothing
    When versions are made with a wrong password, without a server, with a table that is locked, and with a session that is killed
    Then each run fails with its code, nothing is left of it, and retention has deleted nothing

  @C11 @step-4 @after-C1
  Scenario: The versions take no more room than they may
    When versions are made until the storage is full
    Then the last run fails with storage_full, and what is stored stays below the limit

  @C12 @step-4 @after-C1
  Scenario: A service that is killed leaves no half version
    When the service is killed in the midst of runs, and started again
    Then no version is there that was not whole, no session is left, and what was half done is gone

  @C28 @step-5 @after-C14 @long
  Scenario: A PostgreSQL that says nothing keeps no run
    When PostgreSQL falls silent in the midst of a run that makes a version, and of a drill
    Then each fails with connection_failed in its time, the version is no worse for it, and nothing is left of them
