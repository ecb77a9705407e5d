Feature: Who may do what

  @C14 @step-4 @after-C11
  Scenario: What is somebody else's is not there
    Given a backend
    And two people, one of whom has resources
    When the other one, and somebody without a token, ask for them in each way
    Then to the one it is 404, and to the other 401, and nothing has changed
    And a list has what is one's own, and nothing else

  @C15 @step-4 @after-C14
  Scenario: An administrator sees all, for as long as they are one
    Given a backend
    And two people, one of whom has resources
    When the other one becomes an administrator
    Then they read, change and delete everybody's, and list users
    And a user does not, and they do not from the moment at which they are none
