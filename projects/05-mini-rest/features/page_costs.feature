Feature: A page costs what it shows

  Background:
    Given the service

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
