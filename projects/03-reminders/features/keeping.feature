Feature: Reminders are made and kept
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
    When broken JSON, and JSON that is no object, are sent, to make a reminder and to change one
    And a body is sent that says it is a form
    Then the answers are problems with status 400 and 422
    And that is refused, too

  @C5 @step-2 @after-C1
  Scenario: A message may have as many characters as the limit, and not one more
    When messages of one character, of exactly the limit and of one more are sent, and in changes
    Then all but the last are kept as they were sent, and that is refused

  @C17 @step-2
  Scenario: What does not exist is answered with 404
    When reminders that nobody made are shown, changed, cancelled and replayed, by ids that are almost right
    Then each answer is a problem with status 404
    And a method that a path does not have is refused with 405
