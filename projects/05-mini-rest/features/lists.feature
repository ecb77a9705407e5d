Feature: Lists are read page by page

  Background:
    Given the service

  @C30 @step-6
  Scenario: A walk meets each task once, forward and back, whatever comes and goes meanwhile
    Given tasks of which many are due at the same moment, and some at none
    When they are walked through forward and back, in two orders, while others come and go
    Then each that stayed was met exactly once each time, in the order that was asked for
    And the first page leads nowhere back, and the last nowhere further

  @C31 @step-6 @after-C30
  Scenario: A list can be filtered, and its links keep what was asked for
    Given tasks of several owners, in all states, some of them deleted
    When they are listed with each filter, and with several
    Then each list has what it should, as it is shown, and is met by its links page by page

  @C32 @step-6 @after-C30
  Scenario: A cursor is good for its own list alone
    When cursors are changed, made up, and used for other filters, sorts and organisations
    Then each is refused with 400, and names the parameter

  @C33 @step-6 @after-C30
  Scenario: A cursor outlives the task that it was made from
    When tasks at the edge of a page are deleted, and then all of them
    Then the next page begins where it would have, and at last is empty and leads nowhere

  @C34 @step-6
  Scenario: A query is read strictly
    When lists are asked for with unknown, repeated and misspelt parameters
    Then each is refused with 400, and names the parameter
    And a limit of one and of a hundred is obeyed, and without one a page has twenty

  @C35 @step-6 @after-C30
  Scenario: A page takes as many queries as it has, however many tasks are on it
    Given tasks of several owners
    When pages with one task and with all of them are read
    Then PostgreSQL has counted as many statements for the one as for the other

  @C36 @step-6 @after-C30
  Scenario: A page costs what it shows, however deep in the list it lies
    Given a long list
    When its first page is read in several orders, and one far behind it
    Then PostgreSQL has read about as many rows for the one as for the other, and few
