Feature: Only destinations that are public are called

  Background:
    Given a webhook service that calls public destinations alone

  @C36 @step-5 @after-C25
  Scenario: Destinations that are not public are refused
    When sources are made and changed with destinations that are not public
    Then each is refused with a pointer, and public ones are taken

  @C45 @step-5 @after-C36
  Scenario: A name that leads to an address that is not public is not called
    When an event is due at a name of this machine
    Then its attempt has failed, and nobody has connected there
