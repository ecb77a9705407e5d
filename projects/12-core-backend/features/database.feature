Feature: What was answered is in PostgreSQL

  @C5 @step-2 @after-C2
  Scenario: What was answered outlives the process, and every process sees it
    Given a backend
    And somebody
    When they make and change resources, and the process is killed amid more of them, and started again
    Then all that was answered is there, in a second process too

  @C6 @step-2 @after-C2
  Scenario: Migrations make the tables, and running them again changes nothing
    Given a backend
    And somebody
    When they make a resource, and the migrations are run again, twice at once
    Then it is still there
    And the tables have UUIDs as keys, and each foreign key has an index

  @C7 @step-2 @after-C2
  Scenario: While PostgreSQL is away the answers are 503 in time, and afterwards all works
    Given a backend
    And somebody
    When PostgreSQL goes down or falls silent, in each way
    Then requests are 503 within three seconds, and it is alive and not ready
    And within five seconds of its return all works again

  @C8 @step-2 @after-C2
  Scenario: Of changes that arrive at the same instant none is lost
    Given a backend
    And somebody
    When both members of resources are changed at the same instant
    Then both changes stand
