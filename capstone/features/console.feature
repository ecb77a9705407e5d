Feature: The console

  @C83 @step-24
  Scenario: The console tells nothing by itself, and runs nothing from elsewhere
    Given the platform
    And an organisation
    When the console is looked at, with what it loads, by nobody and by somebody
    Then it is a page with fields to sign in, and tells nobody of an organisation
    And all that it loads is there, of this service, and its policy lets nothing else in
    And it is not at the origin of files
