Feature: Who is meant is said by conditions and segments

  Background:
    Given a flag service of two processes

  @C16 @step-3 @after-C9
  Scenario: Conditions have types
    Then each operator holds for what it means, and never for what is absent or of another type

  @C17 @step-3 @after-C16
  Scenario: A segment names people once, for many flags
    Then those who are included, and those for whom any list holds, are in it, and those who are excluded are not
