Feature: Schemas are defined, and kept as versions that never change

  Background:
    Given a validation service

  @C1 @step-2
  Scenario: A schema becomes a version, addressed by the hash of its canonical form
    When schemas are registered
    Then each is a 201 whose id is the hash of its canonical form
    And at its place stands the canonical form, with its type and a tag
    And with its tag in If-None-Match, however that has it, the answer is 304

  @C2 @step-2 @after-C1
  Scenario: The same document is the same version however it is written, and another one is another
    When a document is registered again in other spellings, and others that differ a little
    Then the spellings get 200 and the same id, and the others 201 and ids of their own

  @C3 @step-2 @after-C2
  Scenario: Of registrations of one document at the same instant one makes the version
    Given a second web process
    When a document is registered many times at the same instant with both processes
    Then one answer is a 201 and all others are 200, with the same id

  @C4 @step-2 @after-C1
  Scenario: A version is known to every process, and outlives them all
    When versions that another process, of smaller limits, was asked for are registered with one
    Then the other knows them at once
    And both know them after one was killed and the other was stopped, and they were started again

  @C5 @step-2 @after-C1
  Scenario: What is no JSON Schema 2020-12 is refused, with the place of each mistake
    When documents with one mistake each are registered
    Then each is refused with 422, and its mistake is pointed at

  @C6 @step-2 @after-C1
  Scenario: A reference that leads out is refused, and nothing is opened or called for it
    When schemas with references to the network, to files and to nothing are registered
    Then each is refused with 422, and its reference is pointed at
    And nobody has called the verifier or opened its file

  @C7 @step-2 @after-C1
  Scenario: A reference leads within the document, or to a resource that came along
    When schemas with references to pointers, anchors, ids and resources are registered
    Then values are judged by what the references lead to

  @C8 @step-2 @after-C1
  Scenario: A pattern that could take more than linear time is refused
    When schemas with patterns that look around, refer back or repeat too often are registered
    Then each is refused with 422, and its pattern is pointed at
    But patterns without that are taken

  @C9 @step-2 @after-C1
  Scenario: A misspelt keyword is warned of, and refused if that is asked for
    When schemas with a misspelt keyword each are registered
    Then each is taken, each time with a warning that points at it and names the keyword that was meant
    But with strict=true each is refused with 422, whether it is registered or not

  @C10 @step-2
  Scenario: What was never registered is answered with 404
    When ids that nobody got are asked for, by each route that takes one
    Then each answer is a problem with status 404
