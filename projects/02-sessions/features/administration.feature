Feature: An administrator keeps somebody out, and a log tells what happened to sessions

  @C40 @step-6 @after-C29 @asvs-7.4.2 @asvs-7.4.5
  Scenario: An administrator ends somebody's sessions, and keeps somebody out
    Given a login service
    And a second web process
    When an administrator ends a user's sessions, and disables another and enables it again
    Then they are out at the next request everywhere, and only the second cannot come back until enabled

  @C41 @step-6 @after-C40
  Scenario: Who is no administrator may do nothing of that
    Given a login service
    When a user asks for what administrators may do
    Then each is refused with 403, and nothing has changed

  @C42 @step-6 @after-C14 @asvs-6.3.1
  Scenario: Each thing that happens to a session leaves a line
    Given a login service
    When sessions are made, given new secrets and ended in each way, and logins fail
    Then each has left a line with its session's mark and the request's id
