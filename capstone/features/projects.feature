Feature: Projects, in versions that nobody overwrites unseen

  Background:
    Given the platform
    And an organisation

  @C13 @step-4
  Scenario: A project is made, shown, changed and deleted
    When a project is made, changed twice and deleted
    Then each answer shows it as it is then, with a version that counts, and in the end it is gone

  @C14 @step-4
  Scenario: A change under a version that is not the present one changes nothing
    When two change a project that both have seen, and each says which version
    Then the second gets 412, and the project is as the first has made it

  @C15 @step-4
  Scenario: A list is followed page by page, and has each project once
    When projects are listed in pages, while others are made and deleted
    Then each that was there all the time is listed once, in the order in which they were made

  @C16 @step-4
  Scenario: What is no project is refused, with the place of each mistake
    When projects are sent that are none
    Then each is refused with 400 or 422, and where there are places they are told
