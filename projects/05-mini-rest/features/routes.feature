Feature: Tasks are made and read, by HTTP as it is written down

  Background:
    Given the service
    And a member of an organisation

  @C1 @step-2
  Scenario: A task is made, with a place, a version and all that was asked for
    When tasks are made with a title alone, and with all members
    Then each is answered as it was asked for, and shown at its place with the same ETag

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
