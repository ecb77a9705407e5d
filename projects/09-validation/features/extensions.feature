Feature: Further than the core: a page for people

  @E1 @extension-page
  Scenario: A page takes a schema and data, and loads nothing from elsewhere
    Given a validation service
    When the page is looked at, and what it loads
    Then it is HTML with a field for a schema and one for data
    And all that it loads is there, of this service, and its policy lets nothing else in
