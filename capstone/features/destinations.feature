Feature: What an action may call

  @C28 @step-10
  Scenario: A destination that is not public, or no address of the web, is refused
    Given a strict platform that soon forgets
    And an organisation
    When actions are to send to places that are not to be called
    Then each is refused with 422 at /destination, and there is no job
