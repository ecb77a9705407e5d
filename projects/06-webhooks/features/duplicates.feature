Feature: An event is kept once, however often it comes

  Background:
    Given a webhook service

  @C13 @step-3 @after-C1
  Scenario: A delivery that comes again is a duplicate, and forwarded once
    When a delivery comes again, with a new time and a new signature
    Then it is answered with 200 and the first event's id, and forwarded once

  @C14 @step-3 @after-C13
  Scenario: What does not verify makes no duplicate of what does
    When a forged delivery comes under the id of one that is in order
    Then the forged one gets 401, and the other one 202

  @C15 @step-3 @after-C13
  Scenario: The same id with another body is a conflict, which is kept to be read
    When other bodies come under the id of an event
    Then each gets 200, the event keeps the first, and the others can be read

  @C16 @step-3 @after-C13
  Scenario: Of copies at the same instant one is the event
    Given a second web process
    When many copies of deliveries come at the same instant, to all web processes
    Then of each one gets 202, the others get 200, and it is forwarded once
