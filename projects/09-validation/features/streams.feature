Feature: Values are judged while others are yet to be sent

  Background:
    Given a validation service

  @C34 @step-6 @after-C11
  Scenario: Lines are answered while others are yet to be sent
    When lines of NDJSON are sent one after another
    Then each has its result before the next is sent, and a last line sums up

  @C35 @step-6 @after-C34
  Scenario: A bad line does not end a stream
    When good, invalid and broken lines, blank ones, ones that are cut anywhere, and thousands of them are sent
    Then each line has its number and its result, whatever the others are

  @C36 @step-6 @after-C34
  Scenario: A line that is too long is refused as soon as it is
    When lines of MAX_LINE_BYTES are sent, and one that is longer and does not end
    Then the former are judged, and the latter refused before its end
    And the lines behind it are judged
    And so is a record of CSV
