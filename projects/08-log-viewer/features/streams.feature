Feature: Files beneath a folder are streams of entries

  Background:
    Given a log viewer

  @C1 @step-2
  Scenario: A file and those that it was rotated into are one stream
    When logs are written that were rotated by number, by date and with compression
    Then each is one stream, with its files, the oldest first

  @C2 @step-2 @after-C1
  Scenario: A page has so many entries as are asked for, in the order of the files
    When a log of several files is read from the beginning
    Then the pages have as many entries as were asked for, the oldest file's first

  @C3 @step-2 @after-C2
  Scenario: The text of an entry is as it stands, byte for byte
    When lines with bytes of all kinds are read
    Then each has its bytes, and those that are no UTF-8 come in base64 too

  @C4 @step-2 @after-C2
  Scenario: A line is no entry before its line break is there
    When a line is written in two parts
    Then it is listed once, when it is whole

  @C5 @step-2 @after-C1
  Scenario: What leads out of the folder, or is no file, is no stream
    When links, pipes and folders are put among the logs
    Then none of them is listed

  @C6 @step-2 @after-C1
  Scenario: What is no id of a stream is not found, however it is spelled
    When paths and spellings of them are asked for as streams
    Then each gets 404, and nothing of a file
