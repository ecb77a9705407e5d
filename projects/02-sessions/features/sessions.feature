Feature: A session lives in Redis, for its time

  @C14 @step-4 @after-C1 @asvs-7.2.1
  Scenario: Successful login
    Given a login service
    And a registered user
    When valid credentials are submitted
    Then a session is created

  @C15 @step-4 @after-C14 @asvs-7.3.1
  Scenario: Session expiry
    Given a login service with short times
    And an expired session
    When accessing a protected route
    Then access is denied

  @C16 @step-4 @after-C15 @asvs-7.3.1
  Scenario: A session that is used goes on, and a session that is not ends
    Given a login service with short times
    And somebody who is signed in
    When requests come at intervals below the idle time, and then none
    Then the session was live at each of them, and is not when the idle time is over

  @C17 @step-4 @after-C15 @asvs-7.3.2
  Scenario: However much it is used, a session ends at its absolute time
    Given a login service with short times
    And somebody who is signed in
    When requests come all the time
    Then the session is live until its absolute time, and not after it

  @C18 @step-4 @after-C14 @asvs-3.3.4 @asvs-3.3.5 @asvs-7.2.2 @asvs-7.2.3
  Scenario: A session's secret is random, and stands nowhere but in its cookie
    Given a login service
    When many sign in, and use their sessions
    Then the secrets have 256 random bits, and stand neither in Redis nor in an answer nor in the log

  @C19 @step-4 @after-C14
  Scenario: When Redis forgets everything everybody is signed out, and can sign in again
    Given a login service
    And somebody who is signed in
    When Redis forgets its scripts, and then everything
    Then the session outlives the first, and not the second, and a login works

  @C20 @step-4 @after-C14 @asvs-7.4.1
  Scenario: What one process knows of sessions all know at once
    Given a login service
    And a second web process
    And somebody who is signed in
    When the session is used, seen and ended through different processes
    Then each of them knows what the others did
