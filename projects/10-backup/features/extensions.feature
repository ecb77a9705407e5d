Feature: Further than the core: a page for people

  @E1 @extension-page
  Scenario: The page tells nothing by itself, and loads nothing from elsewhere
    Given a backup service
    When a version has a label, and the page is looked at with what it loads
    Then it is HTML with a field for the token, and nothing of the version
    And all that it loads is there, of this service, and its policy lets nothing else in
