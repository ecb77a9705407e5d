Feature: What was said can be explained, and what would be said can be tried

  Background:
    Given a flag service of two processes

  @C37 @step-8 @after-C5
  Scenario: What a flag said then is explained, by version and by moment
    When a flag, its segment and its prerequisite are changed one after another
    Then for each version and moment the value of then is told, with the rule, the buckets and the change

  @C38 @step-8 @after-C28
  Scenario: A dry run tells whose value a change would change
    Then it counts those for whom the value would be another, and changes nothing

  @C39 @step-8 @after-C9
  Scenario: It is counted which variants are still served
    Then counts and the time of the last evaluation are told
