Feature: Manners of the API

  @C75 @step-20
  Scenario: Pages of the origins that are named may read answers, and those of others may not
    Given a strict platform that soon forgets
    And an organisation
    When pages of several origins ask, before a request and with it
    Then those that are named read all answers, refusals, too, and no other reads any

  @C76 @step-20
  Scenario: Whatever can grow is read page by page
    Given the platform
    And an organisation
    When what can grow is read in pages, while more of it is made
    Then each that was there is listed once, in its order, and what is no page is refused

  @C77 @step-20
  Scenario: Who reads much one by one is told from who asks for all of it
    Given a strict platform that soon forgets
    And a second web process
    And an organisation
    When somebody reads more one by one than a person does, and asks for all of it
    Then they are slowed down, in all processes, and written down, and the export has all, so many times
