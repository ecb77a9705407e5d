Feature: Nobody does what is not theirs to do

  Background:
    Given the service

  @C17 @step-4
  Scenario: Without a valid token nothing of the API is done, whatever the body
    When every route is asked without a token, with a wrong one, with none that can be read and with two
    Then each answer is a 401 that says which token is wanted
    And nothing has changed

  @C18 @step-4
  Scenario: Users change their own tasks, and administrators all
    Given a second web process
    And a user, another user and an administrator of an organisation
    When each of them changes, deletes and restores a task of the user's
    Then the other user is refused with 403, and the rest is done
    And a role that is changed or ended counts at the next request

  @C19 @step-4
  Scenario: What the operator does nobody else does
    When users, organisations and members are made with the token of an administrator
    Then each answer is a 403
    And the operator is in no organisation

  @C20 @step-4
  Scenario: What belongs to another organisation is as if it did not exist
    Given members of two organisations
    When every route is asked with the ids of the other organisation, and with ids that do not exist
    Then the answers are alike in status, headers and body
    And nothing has changed in the other organisation

  @C21 @step-4
  Scenario: Refusals come in one order: token, tenant, precondition, body
    When changes are asked for with several things wrong at once
    Then each is refused for the first of them

  @C22 @step-4
  Scenario: A token is kept as a hash
    When users are made
    Then their tokens are nowhere in the database, and the service knows them
