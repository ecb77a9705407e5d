Feature: Pages of other origins ask, where they may

  Background:
    Given a flag service of two processes

  @C15 @step-3 @after-C9
  Scenario: Pages of other origins may ask
    Then the preflight allows the headers of providers by name, and answers may be read
    And no page of another origin may, unless all may
