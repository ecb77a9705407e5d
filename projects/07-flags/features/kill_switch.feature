Feature: A flag can be turned off at once

  @C25 @step-5 @after-C20
  Scenario: A kill passes all targeting by, on every process within a second
    Given a flag service of two processes
    When flags of every kind are killed
    Then each is off everywhere, whoever asks, until the kill is lifted

  @C26 @step-5 @after-C25
  Scenario: The kill switch works while PostgreSQL is away
    Given a flag service of two processes whose stores may be lost
    When PostgreSQL is lost, and a flag is killed
    Then it gets 202 and the flag is off on every process within a second, also after a restart
    And when PostgreSQL is back the kill is in the audit once, and can be lifted for good

  @C27 @step-5 @after-C25
  Scenario: The kill switch works while Redis is away, and says so when nothing is left
    Given a flag service of two processes whose stores may be lost
    Then a flag is killed without Redis with 200, and without both stores with 503
