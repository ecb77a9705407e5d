Feature: Many values are validated in one request

  Background:
    Given a validation service

  @C33 @step-6 @after-C11
  Scenario: Each item of a batch has its result
    When a batch of good and bad items is validated
    Then there is a result for each item, in their order

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

  @C37 @step-6 @after-C34
  Scenario: Records of CSV are judged as objects
    When records of CSV are sent, with quotes, line breaks, commas and empty cells in them
    Then each is judged by the types of the schema, with the number of its first line
    But what has no header is refused by one line

  @C38 @step-6 @after-C34 @long
  Scenario: A stop lets a stream come to its end
    When the service is stopped in the middle of a stream
    Then the rest of the stream is judged, and the service ends with exit code 0
    And what is evaluated meanwhile has its time, and no more
