Feature: Further than the core: versions in a bucket

  Background:
    Given a backup service with a bucket
    And rows in its database

  @E2 @extension-s3
  Scenario: A version in a bucket is what its manifest says, and nothing else is needed to bring it back
    When a version is made
    Then the run tells how far it is and how it ended, and the version is listed and shown
    And its files are those of the manifest, and for the owner's eyes alone
    And a service with nothing but the bucket brings back a database that is gone

  @E3 @extension-s3 @after-E2
  Scenario: Damage in a bucket is found, has a name, and is never restored
    When versions are damaged in every way
    Then verification names each damage, and passes what is whole
    And none of them is restored, and the live database is as it was

  @E4 @extension-s3 @after-E2
  Scenario: A bucket that fails makes no version, and what lies in it is not overwritten
    When the bucket refuses, spoils what is stored, holds another version, and is away
    Then each run fails with its code in time, and nothing of it is in the bucket
    And versions are made and deleted again
