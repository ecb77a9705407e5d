Feature: Further than the core: a page for people

  Background:
    Given a log viewer

  @E1 @extension-page
  Scenario: The page loads nothing from elsewhere
    When a log is written, and the page is looked at with what it loads
    Then all that it loads is there, of this service, and its policy lets nothing else in
