Feature: What ends a run, or stays in a database, is no damage of a version

  @C30 @step-5 @after-C14
  Scenario: A drill that PostgreSQL breaks off makes no version worse, and subscriptions keep no database
    Given a backup service of its own
    And rows in its database
    When a drill of a proven version is broken off by PostgreSQL
    Then it fails with connection_failed, and the version is as proven as it was
    And a database that subscribes is drilled and restored, and nothing is left of either
