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

  @C22 @step-4
  Scenario: A token is kept as a hash
    When users are made
    Then their tokens are nowhere in the database, and the service knows them
