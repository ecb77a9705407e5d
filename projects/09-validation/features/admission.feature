Feature: What is wrong with a schema is told when it is registered

  Background:
    Given a validation service

  @C5 @step-2 @after-C1
  Scenario: What is no JSON Schema 2020-12 is refused, with the place of each mistake
    When documents with one mistake each are registered
    Then each is refused with 422, and its mistake is pointed at

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
