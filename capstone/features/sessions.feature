Feature: What is signed in, and the password that it came by

  Background:
    Given the platform
    And a second web process
    And somebody with an account

  @C29 @step-2
  Scenario: Who is signed in sees where, and ends one login or all
    When they sign in twice more, and end one login, and then all
    Then each login is listed with where it came from, and ends at the next request, in every process

  @C30 @step-2
  Scenario: Another password is chosen by the current one, and ends all other logins
    When they sign in once more, and choose another password with a wrong one, and with the right one
    Then only the right one changes it, and only the login that has asked goes on
