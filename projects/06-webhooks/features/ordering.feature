Feature: Events of one ordering key stay in order, and hold up no others

  Background:
    Given a webhook service

  @C31 @step-5 @after-C26
  Scenario: Of events with one ordering key the earlier comes first, and a failing one holds up its key alone
    When events of several keys come, and the first of one key fails for a while
    Then those of that key wait, in their order, and those of the others do not

  @C32 @step-5 @after-C31
  Scenario: A dead event holds up nobody
    When the first event of a key fails for good
    Then the next one is forwarded after it is dead
