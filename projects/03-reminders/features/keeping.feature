Feature: Reminders are kept, found, changed and cancelled
  Nothing is due while these checks last: no worker is needed yet.

  Background:
    Given a reminder service

  @C1 @step-2
  Scenario: A reminder is made, with a place, a version and all that was asked for
    When a reminder is made
    Then the answer is a 201 with its Location and ETag
    And at its place stands what was asked for, scheduled and without attempts

  @C2 @step-2 @after-C1
  Scenario: Ids are UUIDs of version 7, and later ones sort behind earlier ones
    When several reminders are made, one after the other
    Then their ids are UUIDs of version 7 in ascending order

  @C3 @step-2 @after-C1
  Scenario: Bad input is refused with 422, pointed at, and not stored
    When reminders with one mistake each are asked for
    Then each is refused with a pointer to its mistake
    And none of them is in the list

  @C48 @step-2 @after-C1
  Scenario: A reminder for now is accepted, though now be a few seconds ago
    When a reminder for a moment some seconds ago is asked for
    Then it is accepted as scheduled

  @C4 @step-2 @after-C1
  Scenario: A body that is no JSON is refused with 400, and one that is no object with 422
    When broken JSON and a list are sent
    Then the answers are problems with status 400 and 422

  @C5 @step-2 @after-C1
  Scenario: A message may have as many characters as the limit, and not one more
    When messages of exactly the limit and of one character more are sent
    Then the first is kept as it was sent, and the second refused

  @C6 @step-2 @after-C1
  Scenario: A create that is sent again with its Idempotency-Key makes one reminder
    When a create is sent three times with the same Idempotency-Key
    Then the answers are the same reminder, and the list has it once

  @C7 @step-2 @after-C6
  Scenario: An Idempotency-Key that is used for another body is refused with 422
    When an Idempotency-Key is used again with another message
    Then it is refused with 422, and the other message is not in the list

  @C8 @step-2 @after-C6
  Scenario: Creates with the same Idempotency-Key at the same instant make one reminder
    Given PostgreSQL answers with a delay
    When a create is sent many times at the same instant with the same Idempotency-Key
    Then the list has it once, and each 201 names it

  @C49 @step-2 @after-C6
  Scenario: A create that is sent again when its time has passed still gets the first answer
    When a create for a moment some seconds ago is sent again with its Idempotency-Key when that is too long ago
    Then the answer is the reminder that was made first

  @C9 @step-2 @after-C1
  Scenario: A walk through the list meets each reminder once, whatever comes and goes meanwhile
    Given several reminders
    When the scheduled ones are listed page by page, and others come and go between the pages
    Then each that stayed was met exactly once

  @C10 @step-2 @after-C13
  Scenario: The list can be filtered by state
    Given several reminders, some of them cancelled
    Then the cancelled ones are listed as cancelled, the others as scheduled, and none as both

  @C11 @step-2 @after-C1
  Scenario: A page has at most 100 reminders
    Given 101 reminders
    When a page of 1000 is asked for
    Then it is refused with a 4xx, or has at most 100 reminders

  @C12 @step-2
  Scenario: A cursor that the list did not give out, a bad limit and an unknown state are refused
    When the list is asked with a made-up cursor, with bad limits and with an unknown state
    Then each answer is a problem with a 4xx status

  @C13 @step-2 @after-C1
  Scenario: A cancelled reminder is kept as cancelled, and stays so
    Given a reminder for later
    When it is cancelled twice
    Then both answers are 204, and it is shown as cancelled
    And changing it is refused with 409

  @C14 @step-2 @after-C1
  Scenario: A change needs the version that it is meant for
    Given a reminder for later
    When it is changed without If-Match, with a stale ETag, and with its own
    Then the answers are 428, 412 and 200 with a new ETag
    And only the last change was made

  @C15 @step-2 @after-C14
  Scenario: Of changes to the same version at the same instant exactly one is made
    Given PostgreSQL answers with a delay
    And a reminder for later
    When it is changed many times at the same instant under the same ETag
    Then one answer is 200, the others are 412, and the one change was made

  @C16 @step-2 @after-C14
  Scenario: A change with bad input is refused with 422 and changes nothing
    Given a reminder for later
    When it is changed with one mistake at a time
    Then each is refused with a pointer to its mistake
    And it is as it was

  @C17 @step-2
  Scenario: What does not exist is answered with 404
    When a reminder that nobody made is shown, changed, cancelled and replayed
    Then each answer is a problem with status 404
