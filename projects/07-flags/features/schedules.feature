Feature: A change can be prepared

  Background:
    Given a flag service of two processes

  @C8 @step-2 @after-C1
  Scenario: A change that was prepared is made at its time, unless the flag has changed by then
    When changes of flags are scheduled, and one of the flags is changed meanwhile
    Then the others are made on time, and that one is a conflict for good
