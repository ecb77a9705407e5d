Feature: Entries are found by level, text, pattern and fields

  Background:
    Given a log viewer

  @C15 @step-4 @after-C7
  Scenario: The level is read from each format
    When lines of each format and level are written
    Then each has its level, and a filter finds those of its levels

  @C16 @step-4 @after-C2
  Scenario: A text is found as it stands, in any line of an entry
    When texts with markup, escapes and signs of patterns are looked for
    Then the entries that have the text are found, and no others

  @C17 @step-4 @after-C16
  Scenario: A pattern is found in linear time, and one that cannot be is refused
    When patterns are looked for, and one that explodes elsewhere
    Then the entries that match are found, and lookaround is refused with 400

  @C18 @step-4 @after-C16
  Scenario: Fields of JSON and logfmt are found by their values as they are written
    When lines with fields of all kinds are looked for by these
    Then the entries that have all of the fields are found, and no others

  @C19 @step-4 @after-C16
  Scenario: All that is asked for has to hold
    When a log is asked for by everything at once, page by page
    Then an entry is found if all of it holds, in either direction

  @C20 @step-4 @after-C16
  Scenario: What stands around an entry is shown whatever it was found by
    When an entry is found by a filter, and what is around it is asked for
    Then its neighbours are there, as many as were asked for on each side
