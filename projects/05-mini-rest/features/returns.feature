Feature: What is deleted can be restored, and who has a task already is told so

  Background:
    Given the service
    And a member of an organisation

  @C27 @step-5 @after-C23
  Scenario: What is deleted can be restored
    When a task is deleted, asked for in every way, and restored
    Then it was gone but for the list of the deleted, and is back as it was

  @C28 @step-5 @after-C23
  Scenario: Who has a task already is told so
    When a task is asked for with its ETag, weak, in a list and as a star, and after a change
    Then the answers are 304 with the headers of the 200, and the task again once it has changed

  @C29 @step-5 @after-C23
  Scenario: Who prefers a minimal answer gets one
    When a task is made, changed and restored with Prefer: return=minimal, and otherwise
    Then the answers are empty and say so, with Location and ETag, and otherwise have the task
