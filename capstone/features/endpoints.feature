Feature: Endpoints that fail, and what helps

  Background:
    Given the platform, with two workers that send webhooks
    And an organisation

  @C58 @step-16
  Scenario: An endpoint that is gone or fails for long is disabled and told of, and recovers what it has missed
    When an endpoint answers that it is gone, and another one fails for too long
    Then both are disabled, nothing more is sent to them, and the admins are told by mail
    And when they are enabled again they are sent what they have missed

  @C59 @step-16
  Scenario: An endpoint that asks for time is given it
    When an endpoint asks to be left alone for a while
    Then nothing is sent to it before

  @C60 @step-16
  Scenario: Events come in their order where that is asked for, and no endpoint delays another
    When an ordered endpoint fails at first, one is silent, and much is changed
    Then the ordered one gets all in their order, and the third all at once

  @C61 @step-16
  Scenario: An event is sent again under its id, and an endpoint can be tried out
    When a delivery is sent again, and an endpoint is tried out
    Then the event comes again under its id, and the trial to that endpoint alone

  @C62 @step-16
  Scenario: Checkpoints of the audit trail are sent as events
    When more is changed than there are entries between two checkpoints
    Then the endpoint gets signed checkpoints, by which the trail can be held to account
