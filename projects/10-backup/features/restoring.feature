Feature: A restore is proven before it is visible, and can be undone

  @C17 @step-6 @after-C14
  Scenario: A version comes back whole, behind a safety version of what was there
    Given a backup service
    And rows in its database
    When rows are changed, and the version from before is restored
    Then its rows are back, the next insert succeeds, and what was there is a version itself

  @C18 @step-6 @after-C17
  Scenario: What belongs to the database outside of it comes back, too
    Given a backup service of its own
    And rows in its database
    When the database has owner, grants, settings, comment and limit, a version is made, and all that is changed
    Then a restore brings each of them back

  @C19 @step-6 @after-C17
  Scenario: The swap is over within a second, and nobody sees half a database
    Given a backup service
    And rows in its database
    When a version is restored while clients come back again and again
    Then they saw the old rows, the new rows or a connection that failed, and were away for a second at most

  @C20 @step-6 @after-C17
  Scenario: What could not succeed is refused before anything is touched
    Given a backup service of its own
    And rows in its database
    When restores are tried without a role, by who may not, and without room
    Then they are refused with what is in the way, nothing is touched, and a dry run says the same

  @C21 @step-6 @after-C17
  Scenario: A restore is undone by one call, for as long as it may be
    Given a backup service of its own
    And rows in its database
    When restores are undone in time, twice, too late, and behind another restore
    Then what was written before the restore is back, and what cannot be undone is refused

  @C22 @step-6 @after-C17
  Scenario: A service that is killed amid a restore leaves the old database or the new one
    Given a backup service of its own
    And rows in its database
    When the service is killed in the midst of restores, and started again
    Then the rows are the old ones or the new ones, and nothing else is left on the server
