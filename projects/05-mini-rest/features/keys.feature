Feature: A create that is sent again makes nothing more

  Background:
    Given the service

  @C37 @step-7
  Scenario: A create that is sent again with its Idempotency-Key gets the same answer
    When a create is sent again with its key, bare and quoted, after a change, elsewhere and after a release
    Then all answers are the first one, and the list has one task

  @C38 @step-7 @after-C37
  Scenario: A key counts for one caller, one organisation and one body
    When a key is used by others, elsewhere, and for other bodies, after a first one was refused
    Then each caller and each organisation has a task of its own, and another body is refused with 422

  @C39 @step-7 @after-C37
  Scenario: A key that is none is refused with 400
    When creates are sent with keys that are empty, too long, not quoted well, and two at once
    Then each is refused with 400, and one of the greatest length is used

  @C40 @step-7 @after-C37
  Scenario: Creates with the same key at the same instant make one task
    Given a second web process
    And PostgreSQL answers with a delay
    When a create is sent fifty times at the same instant with the same key
    Then the list has it once, and the others got its 201 or a 409 that says when to come again

  @C41 @step-7 @after-C37
  Scenario: A process that is killed within a create leaves nothing behind
    When a process is killed while it makes a task, and the create is sent again to the next
    Then it succeeds at once, and the list has it once
    And what was acknowledged before is there

  @C42 @step-7 @after-C37
  Scenario: A key is forgotten when its time is over
    Given a service whose title limit is left out, and that remembers keys for a second
    When a create is sent with a key, again, and when the second is over
    Then the second answer is the first one, and the third is another task

  @C43 @step-7 @after-C37
  Scenario: Who has lost access gets no answer of before
    When a create is sent again by somebody who is no member any more
    Then the answer is a 404, and for a member again it is the first one
