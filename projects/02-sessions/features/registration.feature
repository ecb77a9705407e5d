Feature: An account is made by whoever has the mailbox, and nobody else learns of it

  @C1 @step-2 @asvs-6.3.8
  Scenario: A registration is accepted, and the mail leads to an account
    Given a login service
    When an address is registered, and the account is made with the token of the mail
    Then the account is there, and its owner can sign in

  @C2 @step-2 @after-C1 @asvs-6.3.8
  Scenario: An address that has an account gets the same answer, and another mail
    Given a login service
    When an address that has an account is registered again, in another case, and one that has none
    Then the answers are alike, and only the second mail has a token

  @C3 @step-2 @after-C1
  Scenario: Registrations of one address at the same instant make one account
    Given a login service
    When an address is registered fifty times at the same instant, in many cases, and all tokens are used at once
    Then there is one account
    And who registers again as soon as the mail is there gets another

  @C4 @step-2 @after-C1 @asvs-6.4.1 @asvs-6.5.1
  Scenario: A token is good once, for its time, and for nothing else
    Given a login service with short times
    When accounts are made with tokens that are changed, used, too old, and of no mail
    Then each is refused with a pointer to the token

  @C5 @step-2 @after-C1
  Scenario: What is no e-mail address is refused with 422
    Given a login service
    When what is no e-mail address is registered
    Then each is refused with a pointer to the e-mail

  @C6 @step-2 @after-C1 @asvs-3.5.2
  Scenario: Bodies are JSON, and nothing else
    Given a login service
    When bodies of other types, malformed ones, and ones with unknown members are sent to every route that takes one
    Then they are refused with 415, 400 and 422

  @C7 @step-2 @after-C2
  Scenario: Without a mail server a registration is accepted all the same, and its mail comes later
    Given a login service
    When addresses are registered while the mail server refuses or is silent, and the process is killed
    Then the answers come at once, and the mails when the mail server is back
