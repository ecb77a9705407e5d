Feature: Tasks are changed in the version that was read

  Background:
    Given the service
    And a member of an organisation

  @C23 @step-5
  Scenario: A change needs the version that it is meant for
    When a task is changed, deleted and restored without If-Match, with stale and weak tags, and with its own
    Then the answers are 428, 412, and a success with a new ETag
    And it is as the last changes made it

  @C24 @step-5 @after-C23
  Scenario: Of changes to the same version at the same instant exactly one is made
    Given a second web process
    And PostgreSQL answers with a delay
    When a task is changed many times at the same instant under the same ETag
    Then one answer is 200, the others are 412, and the one change was made

  @C25 @step-5 @after-C23
  Scenario: A merge patch changes what it names, and null clears
    When fields are changed, cleared, and named in an empty patch
    Then each is what the patch says, the others are as they were, and an empty patch keeps the ETag

  @C26 @step-5 @after-C23
  Scenario: A change with bad input is refused with 422, and changes nothing
    When a task is changed with one mistake at a time
    Then each change is refused with a pointer to its mistake
    And the task is as it was
