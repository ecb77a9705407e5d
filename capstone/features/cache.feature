Feature: Answers from a cache

  Background:
    Given the platform, with two workers
    And a second web process
    And an organisation

  @C72 @step-19
  Scenario: A read is answered from the cache until something is changed, and then as it is in every process
    When what is read is read again, changed, and read in both processes
    Then it comes from the cache while nothing is changed, and never as it was before

  @C73 @step-19
  Scenario: Nobody sees that the cache is lost, or what it has missed
    When Redis is refused, silent or emptied, and things are changed meanwhile
    Then each read is answered in time, as things are, and again when Redis is back

  @C74 @step-19
  Scenario: Who has an answer already is told that it holds, and only who may ask
    When answers that are kept are asked for by their tags, and by others
    Then a tag that holds gets 304, and who may not ask hears what they hear without a cache
