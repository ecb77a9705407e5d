Feature: What is changed is told

  @C63 @step-16
  Scenario: A change whose process dies is told, or has not happened
    Given the platform, with two workers that send webhooks
    And an organisation
    When its process is killed while much is changed that an endpoint is to be told of
    Then the endpoint is told of each change that is there, and of no other
