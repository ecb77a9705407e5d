Feature: Nobody but the operator uses the API

  @C27 @step-7 @after-C24
  Scenario: Nobody but the operator uses the API
    Given a backup service
    And rows in its database
    When every route of the API is asked without a token, with a wrong one, and with what is none
    Then each answer is 401 with a challenge that fits, and nothing was done or told
    But the scheme may be in any case
