Feature: Passwords are not guessed

  @C35 @step-4
  Scenario: Failed guesses lock an account, whether there is one or not, and each lock is twice as long
    Given a strict platform that soon forgets
    And a second web process
    When strangers guess at an account, and at an address that has none
    Then both are locked in every process, for twice as long after each further failure

  @C36 @step-4
  Scenario: Guesses that arrive together are all counted
    Given a strict platform that soon forgets
    And somebody with an account
    When many guess at the same instant
    Then no more are looked at than may fail

  @C37 @step-4
  Scenario: A lock keeps nobody out who has signed in from there, and ends nothing
    Given a strict platform that soon forgets
    And somebody with an account
    When strangers lock the account of somebody who is signed in
    Then the owner gets in from where they were, nobody else does, and there guesses are counted, too
