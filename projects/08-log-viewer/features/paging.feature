Feature: Pages meet each entry once, whatever happens to the files

  Background:
    Given a log viewer

  @C21 @step-5 @after-C2
  Scenario: Page by page each entry comes once, also where many have one timestamp
    When a log with hundreds of equal timestamps is read forward and backward, by pages of several sizes
    Then each entry comes once, in the order of the files

  @C22 @step-5 @after-C21
  Scenario: A cursor is a place, and reading can go either way from it
    When a log is read to and fro
    Then the same entries come, in the same order, and an entry's id is a cursor to it

  @C23 @step-5 @after-C21
  Scenario: A file that is renamed between two pages loses nothing
    When a log is rotated by renaming between its pages
    Then each entry comes once, in the order of the files

  @C24 @step-5 @after-C23
  Scenario: A file that is compressed between two pages loses nothing
    When a log is rotated and compressed between its pages
    Then each entry comes once, in the order of the files

  @C25 @step-5 @after-C23
  Scenario: A file that is copied and truncated between two pages loses nothing
    When a log is copied and truncated between its pages, and soon larger than it was
    Then each entry comes once, in the order of the files

  @C26 @step-5 @after-C23
  Scenario: A cursor whose bytes are gone gets 410
    When the bytes of a cursor are removed, truncated or overwritten
    Then the cursor gets 410, and reading from the beginning goes on

  @C27 @step-5 @after-C21
  Scenario: What is no cursor of the stream is refused
    When cursors are changed by a character, cut, made up, or taken from another stream
    Then each gets 400

  @C28 @step-5 @after-C21
  Scenario: What is appended is behind the cursor to the end
    When a log grows behind its last page, by entries and by lines of its last entry
    Then `tail_cursor` leads to what has come since, once

  @C29 @step-5 @after-C23
  Scenario: Every process knows the cursors and ids of the others, also after a restart
    When pages are asked of two processes in turn, and of one that was started later
    Then each entry comes once, in the order of the files

  @C37 @step-5 @after-C25
  Scenario: What is found by time is what is in the files now
    When a log is asked for by time, grows, is rotated and truncated, and is asked again
    Then each range has all of its entries as they are then
