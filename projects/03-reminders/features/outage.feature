Feature: Nothing acknowledged is lost

  @C39 @step-6 @after-C18
  Scenario: Reminders fire although Redis forgets everything
    Given a reminder service with two workers
    And reminders that are soon due, some that are being delivered, and one that waits
    When Redis is flushed
    Then each fires once, and the one that waits once more

  @C40 @step-6 @after-C18
  Scenario: Reminders fire although Redis is started again, empty
    Given a reminder service with two workers
    And reminders that are soon due, some that are being delivered, and one that waits
    When Redis is started again, empty
    Then each fires once, and the one that waits once more

  @C41 @step-6 @after-C18
  Scenario: While Redis is down reminders are accepted, and they fire at the latest when it is back
    Given a reminder service with two workers
    When reminders are made while Redis refuses, and while it is silent
    Then each of them fires once

  @C42 @step-6 @after-C1
  Scenario: While PostgreSQL is down the service says so in time, and comes back with it
    Given a reminder service
    And PostgreSQL goes down amid requests
    Then it is alive, it is not ready, and it answers 503 within three seconds
    And it works again within five seconds of PostgreSQL's return

  @C43 @step-6 @after-C1
  Scenario: While PostgreSQL is silent the service says so in time, and comes back with it
    Given a reminder service
    And PostgreSQL is silent
    Then it is alive, it is not ready, and it answers 503 within three seconds
    And it works again within five seconds of PostgreSQL's return

  @C44 @step-6 @after-C26
  Scenario: Workers survive a PostgreSQL that is down or silent for a while
    Given a reminder service with two workers
    And a reminder that is being delivered, and others that are soon due
    When PostgreSQL goes away, and returns when their time is over
    Then the workers are the same as before, and all reminders are delivered

  @C45 @step-6 @after-C6
  Scenario: What a killed web process had acknowledged exists, and what is sent again exists once
    Given a reminder service with two workers
    When its web process is killed amid a burst of creates, started without Redis, and all are sent again
    Then each reminder exists once, the acknowledged ones as they were acknowledged
    And some that are brought forward fire once
