Feature: A gate that a proxy asks

  @E11 @extension-gate
  Scenario: The gate answers 204 within the limit and 429 with the fields above it
    Given a throttler
    And a client
    When a proxy asks the gate for it as many times as the limit, and once more
    Then all but the last are 204, and the last is 429
    And every answer of the gate carries the rate-limit fields

  @E12 @extension-gate
  Scenario: The gate limits what its rules name, however the path is spelled, and passes the rest
    Given a throttler of its own whose gate limits /api/*
    And a client
    When a proxy asks the gate for other paths more often than the limit
    Then all of them succeed
    But asked for differently spelled paths below /api, only the last over the limit is refused
    And what an upstream might read as such a path, or as none, is refused with 400 and costs nothing
