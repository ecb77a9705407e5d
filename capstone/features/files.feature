Feature: Files

  Background:
    Given the platform, with two workers that send webhooks
    And an organisation

  @C68 @step-18
  Scenario: A file comes by a link, is what its bytes say, and is fetched from another origin
    When files of each type are uploaded, under names and headers that say something else
    Then each is shown and listed by what it is, and fetched by a link, with headers that make it harmless

  @C69 @step-18
  Scenario: By a link comes what was announced, in its time, and nothing else
    When uploads are sent that are too long, too short, too late or of no type, and by links that were changed
    Then each is refused, before more is read than was announced, and leaves nothing

  @C70 @step-18
  Scenario: An organisation has a quota, whoever uploads at the same instant
    Given a second web process
    When files are announced at the same instant that are too many together
    Then so many are let in as there is room for, and what is deleted or does not come makes room

  @C71 @step-18
  Scenario: Whoever is killed loses nothing, and leaves nothing for ever
    Given a second web process
    When its process is killed while files come, and one is deleted
    Then what was not acknowledged can be sent again, and of what is not there nothing is left
