Feature: The audit trail

  @C50 @step-14
  Scenario: Each change of an organisation leaves one entry: who has done what to what, and when
    Given the platform, with two workers
    And an organisation
    When people, a key and the operator change what there is, and others are refused
    Then the trail has an entry for each change, in their order, and no other

  @C52 @step-14
  Scenario: A change and its entry are one transaction, and the service can only add entries
    Given the platform
    And an organisation
    When changes are tried while no entry can be written
    Then each is refused with 503, and has changed nothing
    And the service's role may neither change nor remove an entry
