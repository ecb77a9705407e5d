Feature: Only who is signed in may, and only from the service's own pages

  @C29 @step-6 @after-C21
  Scenario: Without a live session there is no way in
    Given a login service
    When every guarded route is asked without a cookie, and with cookies that are dead, made up and malformed
    Then each answer is 401 with a challenge, and clears the cookie that came along

  @C30 @step-6 @after-C29
  Scenario: What depends on a session is kept by no cache
    Given a login service
    And somebody who is signed in
    When routes are asked that answer with successes and with errors, with GET and with HEAD
    Then each answer is not to be stored, and varies by cookie

  @C31 @step-6 @after-C29 @asvs-3.5.1 @asvs-3.5.3
  Scenario: What changes something has to come from a page of the service
    Given a login service
    When changes are sent from every kind of page, with and without a cookie and a token
    Then those from pages of the service pass, and all others get 403 and change nothing

  @C32 @step-6 @after-C29 @asvs-7.5.2
  Scenario: Somebody sees all sessions of their own, and of nobody else
    Given a login service
    When somebody signs in from several places, and lists the sessions from each
    Then each list has them all with the facts, one of them current, and no id opens anything

  @C33 @step-6 @after-C32 @asvs-7.4.1 @asvs-7.5.2
  Scenario: One session is ended by its id, and only by its owner
    Given a login service
    When somebody ends one of three sessions, and tries ids of nobody, of a stranger and of an ended one
    Then that one alone has ended, and the other ids are not found

  @C34 @step-6 @after-C32 @asvs-7.4.3 @asvs-7.5.2
  Scenario: All others are ended at once, on every process, and one's own secret is new
    Given a login service
    And a second web process
    When somebody with many sessions ends all others
    Then they are dead at the next request everywhere, the old secret too, and the new one is live

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

  @C38 @step-6 @after-C36 @asvs-7.1.2
  Scenario: A user has so many sessions at most, and those used last
    Given a login service
    When somebody signs in far more often than there may be sessions, one by one and at the same instant
    Then as many as there may be are live, and those that were used longest ago have ended

  @C39 @step-6 @after-C37 @asvs-7.5.1 @asvs-7.4.3
  Scenario: A new e-mail is confirmed from its own mailbox
    Given a login service
    When somebody changes the e-mail, to one that is free and to one that has an account
    Then the first is theirs once it is confirmed, with a new secret, and the second never is

  @C40 @step-6 @after-C29 @asvs-7.4.2 @asvs-7.4.5
  Scenario: An administrator ends somebody's sessions, and keeps somebody out
    Given a login service
    And a second web process
    When an administrator ends a user's sessions, and disables another and enables it again
    Then they are out at the next request everywhere, and only the second cannot come back until enabled

  @C41 @step-6 @after-C40
  Scenario: Who is no administrator may do nothing of that
    Given a login service
    When a user asks for what administrators may do
    Then each is refused with 403, and nothing has changed

  @C42 @step-6 @after-C14 @asvs-6.3.1
  Scenario: Each thing that happens to a session leaves a line
    Given a login service
    When sessions are made, given new secrets and ended in each way, and logins fail
    Then each has left a line with its session's mark and the request's id
