Feature: A create that is sent again makes nothing more

  Background:
    Given a reminder service

  @C6 @step-2 @after-C1
  Scenario: A create that is sent again with its Idempotency-Key makes one reminder
    When a create is sent three times with the same Idempotency-Key
    Then the answers are the same reminder, and the list has it once

  @C7 @step-2 @after-C6
  Scenario: An Idempotency-Key that is used for another body is refused with 422
    When an Idempotency-Key is used again with other bodies, after a first one was refused
    Then the others are refused with 422 and make nothing, and a key of the greatest length counts in full

  @C8 @step-2 @after-C6
  Scenario: Creates with the same Idempotency-Key at the same instant make one reminder
    Given a second web process
    And PostgreSQL answers with a delay
    When a create is sent many times at the same instant with the same Idempotency-Key
    Then the list has it once, and each 201 names it

  @C49 @step-2 @after-C6
  Scenario: A create that is sent again when its time has passed still gets the first answer
    When a create for a moment some seconds ago is sent again with its Idempotency-Key when that is too long ago
    Then the answer is the reminder that was made first
