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

  @C10 @step-2
  Scenario: What was never registered is answered with 404
    When ids that nobody got are asked for, by each route that takes one
    Then each answer is a problem with status 404
