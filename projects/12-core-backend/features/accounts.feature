Feature: Who somebody is

  @C9 @step-3
  Scenario: Whoever registers has an account that nobody else can have
    Given a backend
    When people register, with addresses in other letters and passwords of any kind
    Then each has an account of their own, and is a user
    And of those who register one address at the same instant one gets it
    And what is no address or no password is refused with a pointer, and makes no account

  @C10 @step-3 @after-C9
  Scenario: What is secret is kept as a hash
    Given a backend
    When two people with the same password register, and log in
    Then their passwords are kept as slow hashes, each with a salt of its own
    And neither password nor refresh token stands anywhere in the database

  @C11 @step-3 @after-C9
  Scenario: A login is worth tokens, and a wrong one tells nothing
    Given a backend
    When somebody logs in, and others try with what is not quite right
    Then the tokens say whose they are and how long they last
    And the others all get the same answer

  @C12 @step-3 @after-C11
  Scenario: An access token that was not made here, or is over, is worth nothing
    Given a backend
    And a second web process, whose tokens do not last
    When tokens are forged in each way that is known, and one is waited out
    Then each is refused with a challenge
    And the true ones work at each process, also after it was killed

  @C13 @step-3 @after-C11
  Scenario: A refresh token is used once
    Given a backend
    And a second web process, whose tokens do not last
    When refresh tokens are used, used again, used twenty times at once, and waited out
    Then each first use gives new tokens, and a second one ends all that came of the login
    And of twenty at once one succeeds
    And what is over is refused
