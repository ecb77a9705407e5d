Feature: API keys, for programs

  Background:
    Given the platform
    And an organisation

  @C39 @step-9
  Scenario: An API key is shown once, and does what its scopes say
    When keys are made with several scopes, and each is shown to routes of several kinds
    Then each is let in where its scopes reach, and else refused with insufficient_scope

  @C40 @step-9
  Scenario: An API key ends with its time, its revocation and the rights of its maker, in every process
    Given a second web process
    When keys expire, are revoked, and lose what their maker may do
    Then each process refuses them at the next request

  @C41 @step-9
  Scenario: What is no API key is refused without asking the database
    When keys are shown that were never made
    Then each gets 401, and PostgreSQL was asked nothing
