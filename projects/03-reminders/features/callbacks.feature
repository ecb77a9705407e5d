Feature: Callbacks that may not be called

  @C46 @step-7 @after-C1
  Scenario: Callbacks to addresses that are not public are refused
    Given a reminder service that may call public addresses only
    When reminders with callbacks to addresses that are not public are asked for, and changed to
    Then each is refused with a pointer to its mistake
    And callbacks to their public neighbours are accepted

  @C53 @step-7 @after-C18
  Scenario: A name that leads to an address that is not public is not called
    Given a reminder service that may call public addresses only
    When a reminder is due at a name of this machine
    Then its attempt has failed, and nobody has connected there

  @C47 @step-7 @after-C18
  Scenario: A redirect is a failed attempt, and not followed
    Given a reminder service with two workers
    When a receiver redirects to another address
    Then the other address is never called, and the attempts have failed
