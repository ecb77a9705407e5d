Feature: Somebody sees and ends their own sessions

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

  @C38 @step-6 @after-C36 @asvs-7.1.2
  Scenario: A user has so many sessions at most, and those used last
    Given a login service
    When somebody signs in far more often than there may be sessions, one by one and at the same instant
    Then as many as there may be are live, and those that were used longest ago have ended
