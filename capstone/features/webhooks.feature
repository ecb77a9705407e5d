Feature: Webhooks that go out

  Background:
    Given the platform, with two workers that send webhooks
    And an organisation

  @C55 @step-15
  Scenario: An endpoint is made, shown, changed and removed, and its secret is shown once
    When endpoints are made, changed and removed, and some that are none
    Then each is shown as it is, without its secret, and PostgreSQL has none
    And an organisation has so many at most

  @C56 @step-15
  Scenario: A change is told, signed, to the endpoints that want it, until they take it
    When much is changed in two organisations that have endpoints, some of which fail at first
    Then each endpoint gets what it wants of its own, signed by its secret, in each attempt
    And each delivery is listed with its attempts

  @C57 @step-15
  Scenario: While a secret is replaced both sign
    When a secret is replaced, and something changes soon and later
    Then at first both secrets sign, and then only the new one
