Feature: In production

  @C79 @step-22
  Scenario: A process that is told to stop is not ready, and goes on until a proxy has seen it
    Given an organisation of the platform
    When a process is told to stop that goes on for a while
    Then it says so, and takes what comes, until it ends with exit code 0

  @C80 @step-22
  Scenario: Processes do their work with logins that have nothing but what the release has granted
    Given an organisation of the platform
    When a web process and a worker log in as the roles that they ask as
    Then what somebody asks of the one is done by the other
