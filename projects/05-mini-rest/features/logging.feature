Feature: Each request leaves one line in the log

  Background:
    Given the service
    And a member of an organisation

  @C12 @step-3
  Scenario: Each request leaves one line, with its route, its status, its time and its bytes
    When it is asked for what there is and for what there is not, well and badly
    Then each has one line, which says what was answered

  @C13 @step-3 @after-C12
  Scenario: A line tells how long its request took
    Given PostgreSQL answers with a delay that shows
    When a task is asked for
    Then the line tells a time between the delay and what the client has waited

  @C14 @step-3 @after-C12
  Scenario: A request that is broken off leaves a line, too
    When bodies are announced, and broken off before they are complete
    Then each has one line

  @C15 @step-3 @after-C12
  Scenario: A trace goes on, and a bad one is replaced
    When it is asked with a traceparent, with bad ones and without
    Then the line has the trace of the first, and new ones for the others

  @C16 @step-3 @after-C12
  Scenario: No secret stands in the log
    When secrets are sent wherever a request has room for them
    Then none of them is in the output
