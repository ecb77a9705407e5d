Feature: Only who is signed in may, and only from the service's own pages

  @C29 @step-6 @after-C21
  Scenario: Without a live session there is no way in
    Given a login service
    When every guarded route is asked without a cookie, and with cookies that are dead, made up and malformed
    Then each answer is 401 with a challenge, and clears the cookie that came along

  @C30 @step-6 @after-C29
  Scenario: What depends on a session is kept by no cache
    Given a login service
    And somebody who is signed in
    When routes are asked that answer with successes and with errors, with GET and with HEAD
    Then each answer is not to be stored, and varies by cookie

  @C31 @step-6 @after-C29 @asvs-3.5.1 @asvs-3.5.3
  Scenario: What changes something has to come from a page of the service
    Given a login service
    When changes are sent from every kind of page, with and without a cookie and a token
    Then those from pages of the service pass, and all others get 403 and change nothing
