Feature: A change of password or e-mail ends other sessions, and needs the password

  @C35 @step-6 @after-C34 @asvs-7.4.3 @asvs-7.2.4 @asvs-6.2.2
  Scenario: A change of the password ends all other sessions, and a refused change ends none
    Given a login service
    When somebody with many sessions changes the password, after changes that are refused
    Then the refused ones have ended nothing, and after the change only the new password and the new secret are good

  @C36 @step-6 @after-C35
  Scenario: Who has signed in with the old password meanwhile is out, too
    Given a login service that hashes slowly
    When logins with the old password are under way while it is changed, and others while their user is disabled
    Then none of them has a live session

  @C37 @step-6 @after-C35 @asvs-6.2.3 @asvs-7.5.1
  Scenario: What is weighty needs the password, or a login a moment ago
    Given a login service with short times
    When the password, the e-mail and the others' sessions are changed shortly after a login, and later, with and without the password
    Then each passes only while the login is fresh or with the right password

  @C39 @step-6 @after-C37 @asvs-7.5.1 @asvs-7.4.3
  Scenario: A new e-mail is confirmed from its own mailbox
    Given a login service
    When somebody changes the e-mail, to one that is free and to one that has an account
    Then the first is theirs once it is confirmed, with a new secret, and the second never is
