Feature: What came can be forwarded again

  Background:
    Given a webhook service

  @C38 @step-6 @after-C25
  Scenario: An event is replayed as often as that is asked for, and once for each Idempotency-Key
    Given a second web process
    When an event is replayed twice, and three times with one key
    Then each replay but those of a used key forwards it again, and all attempts are kept
    And what is under way gets 409, and a key for something else 422

  @C39 @step-6 @after-C38
  Scenario: Events are replayed by source, state and time of receipt
    When events of two sources are replayed by source, by state, and by range
    Then those that fit are forwarded again, and no others
