Feature: Another organisation is as if it did not exist, and refusals come in one order

  Background:
    Given the service

  @C20 @step-4
  Scenario: What belongs to another organisation is as if it did not exist
    Given members of two organisations
    When every route is asked with the ids of the other organisation, and with ids that do not exist
    Then the answers are alike in status, headers and body
    And nothing has changed in the other organisation

  @C21 @step-4
  Scenario: Refusals come in one order: token, tenant, precondition, body
    When changes are asked for with several things wrong at once
    Then each is refused for the first of them
