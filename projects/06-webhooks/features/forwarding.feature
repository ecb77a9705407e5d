Feature: What was acknowledged is forwarded

  Background:
    Given a webhook service

  @C25 @step-5 @after-C1
  Scenario: An event is forwarded as it came, under the same id, and signed anew
    When deliveries with odd bodies come
    Then the destination gets the same bytes, type and id, an attempt number, and a signature of its own
    And each event is shown as forwarded, with its attempt

  @C26 @step-5 @after-C25
  Scenario: What fails is tried again, within bounds, and Retry-After is obeyed
    When a destination fails in each of its ways before it succeeds
    Then each failure is an attempt with its status, under the same id, and the waits are within their bounds

  @C27 @step-5 @after-C25
  Scenario: A destination that answers 410, or has failed MAX_ATTEMPTS times, is not called again
    When a destination answers 410, and another one fails for good
    Then the first event is dead after one attempt, and the other one after MAX_ATTEMPTS

  @C28 @step-5 @after-C25
  Scenario: An event whose worker was killed is forwarded again when its lease is over
    When a worker is killed while it forwards an event
    Then another one forwards it within LEASE_SECONDS and two seconds, as the next attempt

  @C29 @step-5 @after-C28
  Scenario: A worker that stood still past its lease changes nothing by what it says late
    When a worker stands still while it forwards an event, which another one then completes
    Then the event stays as the other one left it

  @C30 @step-5 @after-C25
  Scenario: Several workers forward each event once
    When many events come at the same instant
    Then each is forwarded once

  @C31 @step-5 @after-C26
  Scenario: Of events with one ordering key the earlier comes first, and a failing one holds up its key alone
    When events of several keys come, and the first of one key fails for a while
    Then those of that key wait, in their order, and those of the others do not

  @C32 @step-5 @after-C31
  Scenario: A dead event holds up nobody
    When the first event of a key fails for good
    Then the next one is forwarded after it is dead

  @C33 @step-5 @after-C25
  Scenario: A paused source holds its events, and forwards them when it is active again
    When events come to a source that is paused
    Then each gets 202, and is forwarded only when the source is active again

  @C34 @step-5 @after-C25
  Scenario: A worker that is told to stop finishes what it holds, or gives it back
    When a worker is told to stop while it forwards events
    Then it ends with exit code 0 in time, and what it did not finish is forwarded at once

  @C35 @step-5 @after-C25
  Scenario: What was acknowledged is forwarded though every process is killed
    When all processes are killed amid deliveries and attempts, and started again
    Then all that was acknowledged is forwarded

  @C36 @step-5 @after-C25
  Scenario: Destinations that are not public are refused
    When sources are made and changed with destinations that are not public
    Then each is refused with a pointer, and public ones are taken

  @C45 @step-5 @after-C36
  Scenario: A name that leads to an address that is not public is not called
    When an event is due at a name of this machine
    Then its attempt has failed, and nobody has connected there
