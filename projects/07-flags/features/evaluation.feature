Feature: Any OpenFeature client asks for flags, as OFREP has it

  Background:
    Given a flag service of two processes

  @C9 @step-3 @after-C1
  Scenario: A flag has a value, a variant and a reason
    Then flags of each type are answered as they were made, each with the reason that it has

  @C10 @step-3 @after-C9
  Scenario: Errors are said in words that providers read
    Then an unknown flag, a context that is none, and a key that is missing are told apart

  @C11 @step-3 @after-C9
  Scenario: A bulk has all flags, and an error beside the rest
    Then a bulk without a targetingKey has an error for the one flag that needs it

  @C13 @step-3 @after-C11
  Scenario: What a client has already is not sent again
    Then the same question gets 304, in any order of its members, and another one 200
    And after a change, and when a schedule begins, the old ETag gets 200

  @C19 @step-3 @after-C9
  Scenario: A rule has its time
    Then it serves from its beginning, and not at its end
