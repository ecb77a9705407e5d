Feature: Further than the core: a page for people

  Background:
    Given a flag service of two processes

  @E1 @extension-page
  Scenario: The page tells nothing by itself, and loads nothing from elsewhere
    When a flag is made, and the page is looked at with what it loads
    Then it is HTML with a field for the token, and nothing of the flag
    And all that it loads is there, of this service, and its policy lets nothing else in
