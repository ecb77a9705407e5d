Feature: Reminders are found

  Background:
    Given a reminder service

  @C9 @step-2 @after-C1
  Scenario: A walk through the list meets each reminder once, whatever comes and goes meanwhile
    Given several reminders
    When they are listed page by page, and others come and go between the pages
    Then each that stayed was met exactly once

  @C10 @step-2 @after-C13
  Scenario: The list can be filtered by state
    Given several reminders, some of them cancelled
    Then the cancelled ones are listed as cancelled, the others as scheduled, and none as both
    And each is listed as it is shown

  @C11 @step-2 @after-C1
  Scenario: A page has at most 100 reminders
    Given 101 reminders
    When pages are asked for, of exactly 100, of more, and without a limit
    Then none has more than 100 reminders, and only those of more than 100 may be refused

  @C12 @step-2
  Scenario: A cursor that the list did not give out, a bad limit and an unknown state are refused
    When the list is asked with made-up cursors, with bad limits and with unknown states
    Then each answer is a problem with a 4xx status
