Feature: An acknowledgement is durable, whatever PostgreSQL and the process do

  Background:
    Given a webhook service

  @C21 @step-4 @after-C1
  Scenario: While PostgreSQL is down deliveries get 503 in time, and it works again with it
    When PostgreSQL goes down amid deliveries
    Then it is alive, it is not ready, and all else answers 503 with Retry-After within five seconds
    And it takes deliveries within five seconds of PostgreSQL's return

  @C22 @step-4 @after-C1
  Scenario: While PostgreSQL is silent deliveries get 503 in time, and it works again with it
    When PostgreSQL falls silent amid deliveries
    Then it is alive, it is not ready, and all else answers 503 with Retry-After within five seconds
    And it takes deliveries within five seconds of PostgreSQL's return

  @C23 @step-4 @after-C13
  Scenario: A connection that is lost around the commit is no acknowledgement, and the retry is the same event
    When the connection to PostgreSQL is lost at each point of a delivery
    Then each gets 503 or is kept, and sent again it is known or new, and forwarded once

  @C24 @step-4 @after-C13
  Scenario: What was acknowledged is there when the process is killed
    When the web process is killed amid a burst of deliveries, and all are sent again
    Then all that were acknowledged were kept, and each is forwarded once

  @C47 @step-4 @long @after-C21
  Scenario: What was acknowledged is there when PostgreSQL is killed, and what starts without it works with it
    Given a webhook service with a PostgreSQL of its own
    When PostgreSQL is killed behind a burst of deliveries, and all processes start while it is away
    Then they are alive, and take deliveries within five seconds of PostgreSQL's return
    And all that were acknowledged were kept, and each is forwarded once
