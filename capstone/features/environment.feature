Feature: Environments

  @C78 @step-21
  Scenario: What is right in development stops the start of anything else
    Given the platform
    When processes of staging and production are started with what is development's
    Then each is refused with a line that names it, and one that has its own starts
