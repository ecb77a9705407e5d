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
