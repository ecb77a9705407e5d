Feature: Conditions and digests: who has it already, who may replace it, and whether it is what was sent

  Background:
    Given a cache

  @C19 @step-6 @after-C1
  Scenario: Other bytes have another ETag, and who has them already gets 304
    When an entry is stored, replaced by other bytes, and by the first ones
    Then its strong ETag tells which bytes they are
    And If-None-Match gets 304 if the tag is named, in any form, and the entry if not

  @C20 @step-6 @after-C19
  Scenario: If-Match and If-None-Match decide whether an entry is replaced or deleted
    When PUT, DELETE and GET come with conditions that hold and that do not
    Then those that do not hold get 412 and change nothing, and the others are done

  @C21 @step-6 @after-C20
  Scenario: Of many that store with If-None-Match: * at the same instant exactly one is told that it has
    Given a cache of its own
    And a second process with the same folder
    When many store other bytes under one key with If-None-Match: * at the same instant, by both processes
    Then one gets 201, the others 412, and its bytes are what is stored
    And of many that replace it with If-Match one gets 200

  @C22 @step-6 @after-C1
  Scenario: A body that is not what its digest says is not stored
    When bodies are stored with digests that are right, wrong, of two kinds, unknown and unreadable
    Then those with a wrong or unreadable one get 400 and change nothing, and the others are stored
    And each hit has the digest of its bytes

  @C23 @step-6 @after-C22
  Scenario: What is stored under the SHA-256 of something is that
    When bodies are stored under keys that end with cas/ and a SHA-256
    Then those that have it are stored, and the others get 400 and change nothing
