Feature: What is acknowledged is told, whoever dies

  Background:
    Given the platform, with two workers that send webhooks
    And an organisation

  @C63 @step-16
  Scenario: A change whose process dies is told, or has not happened
    When its process is killed while much is changed that an endpoint is to be told of
    Then the endpoint is told of each change that is there, and of no other

  @C66 @step-17
  Scenario: What was acknowledged is kept, whoever dies, and told once
    When its processes are killed while webhooks come in
    Then each that was acknowledged is in the inbox, and told under one id
