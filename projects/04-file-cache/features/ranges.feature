Feature: A part of an entry

  Background:
    Given a cache

  @C34 @step-10 @after-C19
  Scenario: One range of bytes is given out alone, and what is no range is passed over
    When parts of entries are asked for: from the front, from the back, a byte, across blocks, and what is none
    Then each part is 206 with its place and its bytes, what is beyond the end is 416, and all else is the whole

  @C35 @step-10 @after-C34
  Scenario: If-Range gives the part only of the entry that is meant, and conditions come first
    When parts are asked for with If-Range, with conditions, and with methods that have none
    Then the part comes for the same strong tag alone, and conditions decide before
