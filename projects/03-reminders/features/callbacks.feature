Feature: Callbacks that may not be called

  @C46 @step-7 @after-C1
  Scenario: Callbacks to addresses that are not public are refused
    Given a reminder service that may call public addresses only
    When reminders with callbacks to private, loopback and link-local addresses are asked for
    Then each is refused with a pointer to its mistake

  @C47 @step-7 @after-C18
  Scenario: A redirect is a failed attempt, and not followed
    Given a reminder service with two workers
    When a receiver redirects to another address
    Then the other address is never called, and the attempts have failed
