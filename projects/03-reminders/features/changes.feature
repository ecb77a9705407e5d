Feature: Reminders are changed and cancelled

  Background:
    Given a reminder service

  @C13 @step-2 @after-C1
  Scenario: A cancelled reminder is kept as cancelled, and stays so
    Given a reminder for later
    When it is cancelled under a stale ETag, and then twice
    Then both answers are 204, and it is shown as cancelled
    And to change it, or to replay it, is refused with 409

  @C14 @step-2 @after-C1
  Scenario: A change needs the version that it is meant for
    Given a reminder for later
    When its fields are changed in turn, without If-Match, with a stale ETag, and with its own
    Then the answers are 428, 412, and 200 with a new ETag
    And it is as the last changes made it

  @C15 @step-2 @after-C14
  Scenario: Of changes to the same version at the same instant exactly one is made
    Given a second web process
    And PostgreSQL answers with a delay
    And a reminder for later
    When it is changed many times at the same instant under the same ETag
    Then one answer is 200, the others are 412, and the one change was made

  @C16 @step-2 @after-C14
  Scenario: A change with bad input is refused with 422 and changes nothing
    Given a reminder for later
    When it is changed with one mistake at a time
    Then each is refused with a pointer to its mistake
    And it is as it was
