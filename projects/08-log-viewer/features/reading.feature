Feature: Archives, large files and the account of what was read

  Background:
    Given a log viewer

  @C30 @step-6 @after-C21
  Scenario: All members of gzip and all frames of zstd are read
    When archives of several members and frames are read
    Then each entry comes once, in the order of the archive

  @C31 @step-6 @after-C30
  Scenario: An archive that is cut or damaged gives what is whole, and says so
    When archives are read that are cut, have garbage at the end, or ask for too much memory
    Then what is whole is listed with 200, and the coverage says what is missing

  @C32 @step-6 @after-C13
  Scenario: Each answer accounts for every byte
    When pages of all kinds are asked for
    Then what was read and what was skipped are together all that was asked about

  @C33 @step-6 @after-C32
  Scenario: A query that reads too much stops, and goes on from its cursor
    When a log larger than SCAN_BYTES is searched, and one that takes longer than SCAN_MS
    Then each answer is a part with a cursor, and the parts are the whole

  @C34 @step-6 @after-C21
  Scenario: An entry that is too long is cut, and the next is whole
    When entries of MAX_ENTRY_BYTES, of a byte more and of megabytes are read
    Then the first is whole, the others are cut, and what follows is right
