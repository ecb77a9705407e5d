Feature: Accounts are made from their mailboxes

  Background:
    Given the platform, with a worker that sends mails

  @C31 @step-3
  Scenario: A registration tells nobody who has an account, and its mail leads to one
    Given somebody with an account
    When an address that has no account is registered, and one that has
    Then both hear the same, and only the mail to the first leads to an account

  @C32 @step-3
  Scenario: A forgotten password is replaced by mail, which ends all logins
    Given somebody with an account
    When their password is forgotten, and one at an address that has no account
    Then both hear the same, and the mail to the first leads to another password, once

  @C33 @step-3
  Scenario: Mails wait for their server, and their tokens count for a while
    When an account is asked for while the mail server is away
    Then the answer does not wait, the mail comes when the server is back, and its token expires

  @C34 @step-3
  Scenario: An address is sent so many mails in an hour, whoever asks for them
    Given a second web process
    When more mails are asked for one address than it may be sent
    Then it is sent as many as it may, and another address is sent its own
