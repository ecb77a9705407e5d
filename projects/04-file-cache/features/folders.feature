Feature: Clients of WebDAV find the folders that they ask for

  @C42 @step-13 @after-C39
  Scenario: PROPFIND finds each folder and each entry, and MKCOL makes any folder
    Given a cache with tokens
    When PROPFIND and MKCOL come for entries and for paths where nothing is
    Then entries have their length and their tag, all else is a collection, and nothing has changed
