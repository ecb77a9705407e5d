Feature: Callbacks that may not be called

  @C46 @step-7 @after-C1
  Scenario: Callbacks to addresses that are not public are refused
    Given a reminder service that may call public addresses only
    When reminders with callbacks to addresses that are not public are asked for, and changed to
    Then each is refused with a pointer to its mistake
    And callbacks to their public neighbours are accepted

  @C47 @step-7 @after-C18
  Scenario: A redirect is a failed attempt, and not followed
    Given a reminder service with two workers
    When a receiver redirects to another address
    Then the other address is never called, and the attempts have failed
