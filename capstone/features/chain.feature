Feature: The chain of an audit trail

  @C51 @step-14
  Scenario: Changes at the same instant, in two processes, make one chain
    Given the platform
    And a second web process
    And an organisation
    When much is changed at the same instant, in both processes
    Then the chain has each change once, and holds

  @C53 @step-14
  Scenario: The first number at which a chain does not hold is named
    Given the platform
    When entries of organisations are changed, removed and forged in PostgreSQL
    Then each verification names the number

  @C54 @step-14
  Scenario: What was changed, cut off or put back is shown by an export and by checkpoints that were kept
    Given the platform
    When trails are exported as they are, changed, cut off, put back and written anew
    Then whoever has kept checkpoints sees what was done to each
