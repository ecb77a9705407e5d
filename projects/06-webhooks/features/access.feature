Feature: Nobody but the operator manages

  Background:
    Given a webhook service

  @C46 @step-6 @after-C12
  Scenario: Nobody but the operator manages
    When every route of the API is asked without a token, with a wrong one, and with what is none
    Then each answer is 401 with a challenge that fits, and nothing was done or told
    But the scheme may be in any case, and deliveries need no token
