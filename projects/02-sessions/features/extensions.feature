Feature: What the reference has beyond the contract

  @E1 @extension-page @asvs-6.2.6 @asvs-7.4.4
  Scenario: The page signs in and out, and loads nothing from elsewhere
    Given a login service
    When the page and its files are asked for
    Then it is HTML with fields of type password and a way out, and its policy lets nothing else in
