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

  @C30 @step-5 @after-C25
  Scenario: Several workers forward each event once
    When many events come at the same instant
    Then each is forwarded once

  @C33 @step-5 @after-C25
  Scenario: A paused source holds its events, and forwards them when it is active again
    When events come to a source that is paused
    Then each gets 202, and is forwarded only when the source is active again
