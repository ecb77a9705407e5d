Feature: The audit trail

  @C50 @step-14
  Scenario: Each change of an organisation leaves one entry: who has done what to what, and when
    Given the platform, with two workers
    And an organisation
    When people, a key and the operator change what there is, and others are refused
    Then the trail has an entry for each change, in their order, and no other

  @C51 @step-14
  Scenario: Changes at the same instant, in two processes, make one chain
    Given the platform
    And a second web process
    And an organisation
    When much is changed at the same instant, in both processes
    Then the chain has each change once, and holds

  @C52 @step-14
  Scenario: A change and its entry are one transaction, and the service can only add entries
    Given the platform
    And an organisation
    When changes are tried while no entry can be written
    Then each is refused with 503, and has changed nothing
    And the service's role may neither change nor remove an entry

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
