Feature: What an action may call

  @C28 @step-5
  Scenario: A destination that is not public, or no address of the web, is refused
    Given a platform that calls public destinations alone
    And an organisation
    When actions are to send to places that are not to be called
    Then each is refused with 422 at /destination, and there is no job
