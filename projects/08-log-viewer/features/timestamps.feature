Feature: Timestamps of a closed list of formats are read as instants

  Background:
    Given a log viewer

  @C7 @step-3 @after-C2
  Scenario: Each format of the list is read, to the nanosecond
    When a line of each format is written, with moments that are drawn
    Then each has the instant that it says

  @C8 @step-3 @after-C7
  Scenario: What has no zone is in DEFAULT_TZ
    When lines without a zone are written, of summer and winter, beside lines with offsets
    Then each has the instant that it says

  @C9 @step-3 @after-C8
  Scenario: What has no year is in the year that the file's age tells, with the turn at New Year
    When lines without a year are written, across New Year and one of them late, and with a 29th of February
    Then each has the instant that it says

  @C10 @step-3 @after-C7
  Scenario: A line without a timestamp belongs to the entry before it
    When stack traces with numbers and dates in them are written
    Then each trace is one entry, at the time of its first line

  @C11 @step-3 @after-C10
  Scenario: Lines before the first timestamp are entries at its time
    When a file begins with lines that have none, and another file has no timestamp at all
    Then each of these lines is an entry, at the time of the first timestamp or of none

  @C12 @step-3 @after-C7
  Scenario: A range of time has its first instant, and not its last
    When entries a nanosecond apart are asked for by ranges of time
    Then a page has those of the range, to the nanosecond

  @C13 @step-3 @after-C12
  Scenario: A line out of order is found by its own time
    When a long log with late lines is asked for by ranges of time
    Then each range has all of its entries, and the late ones are marked

  @C14 @step-3 @after-C12
  Scenario: A bound that is no instant is refused
    When bounds without an offset, and others that are none, are asked for
    Then each gets 400 with the name of the parameter
