Feature: Limits

  Background:
    Given a platform that allows little
    And a second web process

  @C38 @step-4
  Scenario: An address has so many attempts in a minute, in all processes
    When an address attempts more than that, at routes that anybody may ask
    Then it is refused with Retry-After, whatever it says of itself, and another one is not

  @C19 @step-10
  Scenario: An organisation has a limit of its own, in all processes together
    When an organisation triggers more than that, and another one triggers one
    Then the limit is kept, with Retry-After, and the other one is not concerned
