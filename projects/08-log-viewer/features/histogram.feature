Feature: Entries are counted by time and level

  Background:
    Given a log viewer

  @C35 @step-7 @after-C19
  Scenario: The buckets of a histogram add up to the list
    When a log is counted in buckets of several widths, with filters and without
    Then each bucket has the entries of its time and level, and together they are those that are listed

  @C36 @step-7 @after-C35
  Scenario: A histogram accounts for what it has read
    When logs without time, out of order and larger than the budget are counted
    Then what has no time is counted apart, and the parts add up to the whole

  @C46 @step-7 @after-C36
  Scenario: What was counted once is counted as it is now
    When a log of megabytes is counted twice, appended to, and replaced by as many bytes that begin alike
    Then each count is that of the log at its time
