Feature: A flag may stand on others

  Background:
    Given a flag service of two processes

  @C18 @step-3 @after-C9
  Scenario: A flag may need others
    Then a flag whose prerequisite serves another variant is off, also at the end of two ways
    And a circle, an unknown flag and an unknown variant get 422
