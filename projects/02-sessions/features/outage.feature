Feature: Without its stores the service says so, and lets nobody in

  @C50 @step-8 @after-C19
  Scenario: While Redis is down or silent nobody is let in, and nobody is signed out
    Given a login service
    And somebody who is signed in
    When Redis goes down or falls silent amid requests
    Then each answer that needs it is 503 within three seconds, and sets no cookie
    And the same cookie works again within five seconds of its return
    And while Redis takes no writes nobody signs in, and it is not ready

  @C51 @step-8 @after-C50
  Scenario: While PostgreSQL is down or silent nobody can sign in, and sessions go on
    Given a login service
    And somebody who is signed in
    When PostgreSQL goes down or falls silent amid requests
    Then sessions go on, and what needs it is 503 within three seconds
    And logins work again within five seconds of its return

  @C52 @step-8 @after-C50
  Scenario: After a restart of the process sessions go on
    Given a login service
    And somebody who is signed in
    When the process is killed amid logins, and started again
    Then the session is live, and so is each that was answered
