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

  @C12 @step-3 @after-C11
  Scenario: A browser sees the flags that are marked for clients, and no others
    Then with a key for browsers the other flags are not there, alone and in a bulk

  @C13 @step-3 @after-C11
  Scenario: What a client has already is not sent again
    Then the same question gets 304, in any order of its members, and another one 200
    And after a change, and when a schedule begins, the old ETag gets 200

  @C14 @step-3 @after-C9
  Scenario: A key is good until it is revoked
    Then a key is taken from either header, a wrong one gets 401, and a revoked one too

  @C15 @step-3 @after-C9
  Scenario: Pages of other origins may ask
    Then the preflight allows the headers of providers by name, and answers may be read

  @C16 @step-3 @after-C9
  Scenario: Conditions have types
    Then each operator holds for what it means, and never for what is absent or of another type

  @C17 @step-3 @after-C16
  Scenario: A segment names people once, for many flags
    Then those who are included, and those for whom any list holds, are in it, and those who are excluded are not

  @C18 @step-3 @after-C9
  Scenario: A flag may need others
    Then a flag whose prerequisite serves another variant is off, also at the end of two ways
    And a circle, an unknown flag and an unknown variant get 422

  @C19 @step-3 @after-C9
  Scenario: A rule has its time
    Then it serves from its beginning, and not at its end
