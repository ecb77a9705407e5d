Feature: The cookie is a browser's proof, and nobody else's

  @C21 @step-5 @after-C14 @asvs-3.3.1 @asvs-3.3.2 @asvs-3.3.3 @asvs-3.3.4
  Scenario: The cookie can be read by no script, sent to no other host, and sent by no other site
    Given a login service
    When somebody signs in, changes the password, and signs out
    Then each cookie has the prefix and all attributes, and no other

  @C22 @step-5 @after-C14 @asvs-7.2.4
  Scenario: A login makes a new secret, and never takes one over
    Given a login service
    When somebody signs in with cookies of a live session, of an ended one, and of nobody's
    Then each login has a secret that was never seen, and what came along opens nothing

  @C23 @step-5 @after-C14
  Scenario: Twenty requests on one cookie at the same instant leave it as it is
    Given a login service
    And somebody who is signed in
    When twenty requests with the cookie come at the same instant
    Then all are answered, none sets a cookie, and the session is live

  @C24 @step-5 @after-C22
  Scenario: Twenty logins with one old cookie at the same instant make twenty secrets
    Given a login service
    And somebody who is signed in
    When twenty log in with the old cookie at the same instant
    Then there are twenty new secrets, and the old one is dead

  @C25 @step-5 @after-C14
  Scenario: Of several cookies of the name the first live one counts
    Given a login service
    When requests carry several cookies of the name, in one line and in several, dead ones and malformed ones first
    Then the first live one says who asks

  @C26 @step-5 @after-C21 @asvs-7.4.1
  Scenario: Who has signed out is signed out, whatever is under way
    Given a login service
    When people sign out while requests on their cookie are under way
    Then their cookies, and those that were set meanwhile, open nothing any more

  @C27 @step-5 @after-C14 @asvs-6.3.8
  Scenario: An unknown user and a wrong password get the same answer
    Given a login service
    When unknown users, disabled ones and wrong passwords are tried
    Then the answers differ in nothing but the id of the request

  @C28 @step-5 @after-C27 @asvs-6.3.8 @alone
  Scenario: An unknown user and a wrong password take the same time
    Given a login service that hashes slowly
    When unknown users and wrong passwords are tried in turn, and known and unknown addresses are registered
    Then their times cannot be told apart
