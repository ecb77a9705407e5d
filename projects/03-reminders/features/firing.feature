Feature: A reminder fires when it is due

  Background:
    Given a reminder service with two workers

  @C18 @step-3 @after-C1
  Scenario: It fires as a POST of JSON, with a key by which the receiver can make it once
    When a reminder is due
    Then its callback gets a POST of JSON with its id, occurrence, attempt, message and time
    And the Idempotency-Key is its id and its occurrence

  @C52 @step-3 @after-C18
  Scenario: A bad setting stops the start of a worker, too
    When workers are started with one bad setting at a time
    Then none of them runs, and each output names the variable

  @C19 @step-3 @after-C18
  Scenario: It never fires early, and late by at most a second
    Given a reminder for a moment some seconds ago, and others for years to come
    When reminders are due at drawn moments, in drawn spellings
    Then each of them fires in time
    And none of the others has fired

  @C20 @step-3 @after-C18
  Scenario: The offset of remind_at is honoured
    When reminders are due at moments written with offsets east and west of UTC
    Then each of them fires in time

  @C21 @step-3 @after-C18
  Scenario: What was delivered is shown as delivered, with its attempt and its status
    When reminders are due, and their receivers answer with drawn 2xx, one of them slowly
    Then each is shown and listed as delivered, with one attempt, that status and its times

  @C22 @step-3 @after-C18
  Scenario: A changed reminder fires at its new time, and with what it now says
    Given a reminder that is changed to come earlier, with another message, to another callback
    And a reminder that is changed to come later
    Then both fire in time, once, and as they were changed

  @C23 @step-3 @after-C18
  Scenario: A cancelled reminder never fires
    Given reminders that are cancelled shortly before they are due
    When their time is over, and both workers have delivered something since
    Then none of them has fired
