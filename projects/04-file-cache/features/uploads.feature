Feature: Bodies on their way in: bounded, whole or not stored

  Background:
    Given a cache

  @C7 @step-2 @after-C1
  Scenario: A body has MAX_VALUE_BYTES at most, and a larger one changes nothing
    When bodies of the limit and of one byte more are sent, with their length and in chunks
    Then the first are stored, the others get 413, and the old value stays

  @C8 @step-2 @after-C7
  Scenario: Who asks before it sends is refused before it sends
    When bodies are announced with Expect: 100-continue that are too large, have a bad field, or are not wanted
    Then the refusal comes first, and no 100
    But for a body that is wanted 100 comes first

  @C9 @step-2 @after-C7
  Scenario: A refusal can be read by who is still sending
    When clients send all of a refused body before they read
    Then each reads its refusal

  @C10 @step-2 @after-C4
  Scenario: An upload that ends early stores nothing, and the old value stays
    When uploads end before they are complete, at many places
    Then nothing new is stored, and what was there before is there

  @C11 @step-2 @after-C4
  Scenario: A body in chunks needs a digest, and a part of an entry cannot be stored
    When bodies come in chunks without a digest, with both kinds of length, and with Content-Range
    Then they are refused, and nothing is stored
