Feature: Accounts, and tokens that can be taken back

  @C1 @step-2
  Scenario: An e-mail address has one account, whatever its case and however many make it at once
    Given the platform
    When an address is let in by three spellings, and six make its account at the same instant
    Then one of them has an account, and nobody else can make it

  @C2 @step-2
  Scenario: A password has 15 characters at least, and no rules besides
    Given the platform
    When passwords are chosen that are too short, too long, of the address, and just long enough
    Then the first three are refused with 422 at /password, and the last is taken

  @C3 @step-2
  Scenario: A login gives tokens, and its refusal does not tell who has an account
    Given the platform
    And somebody with an account
    When they log in with their password, with another one, and with an address of nobody's
    Then the first gets tokens, and the others the same 401

  @C4 @step-2
  Scenario: Twenty refreshes of one token get one successor, and a later reuse ends them all
    Given a strict platform that soon forgets
    And somebody with an account
    When they refresh with one token twenty times at the same instant, and once more when the second is over
    Then the twenty have one successor, and the last gets 401 and ends what came of that login

  @C5 @step-2
  Scenario: A logout counts at the next request, in every process
    Given the platform
    And a second web process
    And somebody with an account
    When they log out at the one process
    Then their access token gets 401 from both, and their refresh token too

  @C6 @step-2
  Scenario: A token that was changed, has expired, or says that it is not signed is none
    Given a platform, one of whose processes issues tokens for a second
    And somebody with an account
    When tokens that are none of this platform's are shown
    Then each gets 401 with WWW-Authenticate
