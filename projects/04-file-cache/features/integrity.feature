Feature: Never a complete answer with wrong bytes

  @C24 @step-7 @after-C4
  Scenario: A file that is torn, flipped, mixed up or gone is a miss, is counted, and heals
    Given a cache of its own
    When the files of entries are damaged in every way
    Then no complete answer has other bytes than were stored, the damage is counted, and the others live on
    And a new PUT heals each

  @C25 @step-7 @after-C24
  Scenario: A process that is killed at any moment leaves nothing half done
    Given a cache of its own
    When the service is killed again and again in the midst of uploads, and started again
    Then each entry is the old one or the new one, whole, and what was acknowledged is there
    And what was on its way is gone from the folder within three pauses

  @C26 @step-7 @after-C1
  Scenario: The files are for the owner's eyes alone
    Given a cache of its own
    When entries are stored under keys that would lead elsewhere
    Then each file is in the folder, and nobody else may read or write it
