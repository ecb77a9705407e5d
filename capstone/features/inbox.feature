Feature: Webhooks that come in

  @C64 @step-17
  Scenario: Who has signed is believed, over the bytes as they came
    Given the platform, with two workers that send webhooks
    And an organisation
    When webhooks are sent to sources, and some that nobody has signed so
    Then what is signed is kept as it came, and all else is refused and leaves nothing

  @C65 @step-17
  Scenario: An event is taken once, by its id and by what it is about
    Given the platform, with two workers that send webhooks
    And a second web process
    And an organisation
    When events are sent again, under other ids and at the same instant
    Then each is kept once, and told to the endpoints once

  @C67 @step-17
  Scenario: Sources are managed, and what has come in is listed and replayed
    Given the platform, with two workers that send webhooks
    And an organisation
    When a source is made, given its secret, used and removed, and an event is replayed
    Then all is shown as it is, without the secret, and the event is told again
