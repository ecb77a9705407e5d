Feature: A log is followed while it is written

  Background:
    Given a log viewer

  @C38 @step-8 @after-C19
  Scenario: What is written comes as an event, once, with its text as it stands
    When logs are followed from their end, with a filter and without, while entries of all kinds are written
    Then each entry comes as one event, as it is listed

  @C39 @step-8 @after-C38
  Scenario: Between a page and its tail, and after an interruption, nothing is lost or doubled
    When a log is followed from a page's cursor, is interrupted, and is followed from the last event
    Then each entry came once, in the order of the files

  @C40 @step-8 @after-C39
  Scenario: A rotation loses nothing
    When a log is rotated in every way right after lines were written to it
    Then each entry came once, in the order of the files

  @C41 @step-8 @after-C38
  Scenario: There are MAX_TAILS at most, and they are in nobody's way
    When as many as may follow a log that is written to, and do not read
    Then one more gets 503, others are answered at once, a place is free again, and a stop ends them all

  @C45 @step-8 @after-C41
  Scenario: Hundreds may follow, and an entry reaches each of them
    When hundreds follow logs that nobody writes to, and an entry is written to each
    Then others are answered at once, and each has got its entry
