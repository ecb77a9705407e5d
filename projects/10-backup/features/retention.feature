Feature: Retention keeps what is needed, and the clock makes what is due

  Background:
    Given a backup service of its own

  @C23 @step-7 @after-C16
  Scenario: Of the versions of years those are kept that the settings name, and those without which there is no backup
    Given rows in its database
    When versions of drawn moments are pruned, some of them pinned, proven or damaged
    Then those are kept that the contract names, for the reasons that it names, and the others are gone

  @C24 @step-7 @after-C23
  Scenario: What is read or made at this moment is not deleted
    Given rows in its database
    When it is pruned while a version is drilled, and while one is made
    Then both runs succeed, and what was read goes at the next time

  @C25 @step-7 @after-C14
  Scenario: Versions and drills are made when they are due
    Given rows in its database
    When the service runs with a schedule
    Then versions and drills follow each other in their time, and the age of the last proof is told
