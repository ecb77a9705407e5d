Feature: A cursor is good for its list, and a query is read strictly

  Background:
    Given the service

  @C32 @step-6 @after-C30
  Scenario: A cursor is good for its own list alone
    When cursors are changed, made up, and used for other filters, sorts and organisations
    Then each is refused with 400, and names the parameter

  @C33 @step-6 @after-C30
  Scenario: A cursor outlives the task that it was made from
    When tasks at the edge of a page are deleted, and then all of them
    Then the next page begins where it would have, and at last is empty and leads nowhere

  @C34 @step-6
  Scenario: A query is read strictly
    When lists are asked for with unknown, repeated and misspelt parameters
    Then each is refused with 400, and names the parameter
    And a limit of one and of a hundred is obeyed, and without one a page has twenty
