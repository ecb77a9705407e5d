Feature: Tasks are made and read, by HTTP as it is written down

  Background:
    Given the service
    And a member of an organisation

  @C1 @step-2
  Scenario: A task is made, with a place, a version and all that was asked for
    When tasks are made with a title alone, and with all members
    Then each is answered as it was asked for, and shown at its place with the same ETag

  @C2 @step-2 @after-C1
  Scenario: A title may have as many characters as the limit, and not one more
    When titles of one character, of as many as the limit and of one more are sent, and notes, in a change too
    Then those up to the limit are kept as they were sent, and the others are refused with 422

  @C45 @step-2 @after-C2
  Scenario: A setting that is left out has its default
    Given a service whose title limit is left out, and that remembers keys for a second
    When titles with as many characters as the default limit and with one more are sent
    Then those up to the limit are kept as they were sent, and the others are refused with 422

  @C3 @step-2 @after-C1
  Scenario: Bad input is refused with 422, pointed at, and not stored
    When tasks are asked for with one mistake at a time
    Then each is refused with a pointer to its mistake
    And none of them is in the list

  @C4 @step-2 @after-C1
  Scenario: A body that cannot be read is refused, and not stored
    When bodies are sent that are no JSON, and such as are no object
    Then the first are refused with 400, the others with 422
    And none of them is in the list

  @C5 @step-2 @after-C1
  Scenario: A body of another type is refused with 415
    When bodies of other types, of none and in other charsets are sent, as a task and as a change
    Then each is refused with 415, and a change is told what it may be
    And none of them is in the list

  @C6 @step-2 @after-C1
  Scenario: An answer that nobody would take is refused with 406
    When a task is asked for by clients that take other types, and by clients that take JSON too
    Then the first are refused with 406, and the others get it

  @C7 @step-2 @after-C1
  Scenario: HEAD answers as GET does, without a body
    When what can be read is asked for by HEAD and by GET
    Then the answers are alike in status and headers, and only those to GET have a body

  @C8 @step-2
  Scenario: Each path tells which methods it has, the same to OPTIONS and in a 405
    When each path is asked for its methods, and with a method that it does not have
    Then both name all methods, and how a task may be patched

  @C9 @step-2 @after-C1
  Scenario: A path has one spelling
    When the paths of a task and of its list are spelled otherwise
    Then each answer is a 404, and nothing has changed

  @C10 @step-2
  Scenario: Of users with the same address at the same instant one is made
    Given a second web process
    And PostgreSQL answers with a delay
    When users with the same address are made at the same instant, and one more after that
    Then one is made, and the others are refused with 409

  @C11 @step-2
  Scenario: What the operator sends is checked, too
    When users, organisations and members are asked for with one mistake at a time
    Then each is refused with a pointer to its mistake
    And a member of nothing, or who is nobody, is refused with 404
