Feature: What came can be found, looked at, and forwarded again

  Background:
    Given a webhook service

  @C37 @step-6 @after-C13
  Scenario: Events are listed, page by page, by source and by state
    When sources have events that are forwarded, and one that is dead
    Then a walk by next_cursor meets each once, newest first, and the filters do what they say
    But a bad limit, cursor or state gets a 4xx

  @C38 @step-6 @after-C25
  Scenario: An event is replayed as often as that is asked for, and once for each Idempotency-Key
    When an event is replayed twice, and three times with one key
    Then each replay but those of a used key forwards it again, and all attempts are kept
    And what is under way gets 409, and a key for something else 422

  @C39 @step-6 @after-C38
  Scenario: Events are replayed by source, state and time of receipt
    When events of two sources are replayed by source, by state, and by range
    Then those that fit are forwarded again, and no others

  @C40 @step-6 @after-C1
  Scenario: Sources and secrets that cannot be made are refused with a pointer
    When sources are asked for with one mistake at a time
    Then each is refused with a pointer to its mistake
    And a name that is taken gets 409, and what does not exist 404

  @C46 @step-6 @after-C12
  Scenario: Nobody but the operator manages
    When every route of the API is asked without a token, with a wrong one, and with what is none
    Then each answer is 401 with a challenge that fits, and nothing was done or told
    But the scheme may be in any case, and deliveries need no token

  @C41 @step-6 @after-C15
  Scenario: Its metrics tell what came, what was refused, and what waits
    When deliveries of each kind come, and some are held
    Then the metrics have grown by them, and tell what waits
