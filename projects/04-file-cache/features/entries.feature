Feature: Entries are files: what is stored is given back

  Background:
    Given a cache

  @C1 @step-2
  Scenario: A body of any size and kind is given back byte by byte, with its type and its length
    When bodies of many sizes and types are stored
    Then each is given back as it was, to GET and to HEAD

  @C2 @step-2 @after-C1
  Scenario: A key is the bytes of the path behind /cache/, unescaped once
    When bodies are stored under keys with slashes, dots, blanks, line ends and bytes that are no text
    Then each is found under its own key, however that is escaped, and under no other

  @C3 @step-2 @after-C1
  Scenario: A key has 1 to 1024 bytes
    When bodies are stored under keys of 1, 1024 and 1025 bytes, and under none
    Then the first two are found, the third is 414 and the last 404

  @C4 @step-2 @after-C1
  Scenario: A PUT that replaces is told from one that is new, and what is deleted is gone
    When an entry is stored, replaced and deleted, and deleted again
    Then the answers are 201, 200, 204 and 404, and the entry is what was said last

  @C5 @step-2 @after-C4
  Scenario: Entries outlive the process, and all processes with one folder have the same
    Given a cache of its own
    And a second process with the same folder
    When entries are stored, replaced and deleted by either, and both are killed and started again
    Then each process has said the same of each entry, before and after

  @C6 @step-2 @after-C4
  Scenario: A reader keeps the whole of what it has begun to read
    When a large entry is read slowly, while it is replaced, deleted and left to expire
    Then the reader gets all of the old bytes, and the next reader what is there now
