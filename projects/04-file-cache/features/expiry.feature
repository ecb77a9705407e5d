Feature: What has expired is a miss at the first read after it

  Background:
    Given a cache

  @C12 @step-3 @after-C1
  Scenario: Cache-Control is read strictly
    When entries are stored with times that are none, and with times that are spelled unusually
    Then the first are refused and change nothing, and the others live for what they say

  @C13 @step-4 @after-C12
  Scenario: An entry lives for its time to live, and is a miss at the first read after it
    When entries are stored with max-age, with s-maxage and with both
    Then each is a hit until its time is over, and a miss from then on, for GET, HEAD, DELETE and conditions

  @C14 @step-4 @after-C13
  Scenario: Without max-age an entry lives for DEFAULT_TTL_SECONDS
    Given a cache whose default is short
    When entries are stored whose Cache-Control says no time
    Then each lives for the default

  @C15 @step-4 @after-C13
  Scenario: A hit says how old it is and how long it lives
    When an entry is asked for again and again, until it has expired
    Then Age, Cache-Control and Cache-Status are right each time, on 304 too

  @C16 @step-4 @after-C13
  Scenario: Time goes on while the service is stopped
    Given a cache of its own
    When entries are stored, and the service is killed and started again
    Then each expires when it should have, and the age counts from when it was stored

  @C17 @step-5 @after-C13
  Scenario: Clean-up removes what has expired, and nothing else
    Given a cache of its own
    When many entries are stored, of which some expire
    Then their bytes are gone from the folder within three pauses, and the others are still there

  @C18 @step-5 @after-C17
  Scenario: Clean-up never removes what has taken an expired entry's place
    Given a cache of its own
    When many entries are replaced at the instants at which they expire
    Then each of the new ones is there
