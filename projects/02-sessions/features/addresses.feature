Feature: An address may fail so often, and a flood holds nobody up

  @C46 @step-7 @after-C43 @asvs-6.3.1
  Scenario: An address may fail so often, whatever accounts it tries
    Given a login service with short times
    And a second web process that locks at once, and at first for a moment
    When one address tries a password at more accounts than it may, and another one meanwhile
    Then it is refused until its window is over, and the other is not

  @C48 @step-7 @after-C43
  Scenario: A flood of logins is refused beyond the queue, and all other requests go on
    Given a login service that takes long for a hash
    When far more log in at the same instant than the queue takes, and somebody goes on working
    Then the queue is served, the others are told to come again, and the work is not held up

  @C49 @step-7 @after-C43
  Scenario: Only the address that a proxy wrote counts
    Given a login service with short times
    When guesses come with addresses that were made up in front of the proxy's, in one line and in several
    Then they count for the address that the proxy wrote
