Feature: A password can be guessed so often, and no stranger locks the owner out

  @C43 @step-7 @after-C27 @asvs-6.3.1
  Scenario: Guesses at the same instant are no more than the limit
    Given a login service with short times
    When far more wrong passwords than the limit are tried at the same instant, at an account and at none
    Then of each no more than the limit are looked at, and the others are told when to come again

  @C44 @step-7 @after-C43 @asvs-6.3.1
  Scenario: Each failure after a lock makes the next one twice as long
    Given a login service with short times
    And a second web process that locks at once, and at first for a moment
    When an account and an unknown one are guessed at until they are locked, and again after each lock
    Then while it is locked the right password is refused too, each lock is twice as long, and a success ends all

  @C45 @step-7 @after-C43 @asvs-6.1.1
  Scenario: A lock neither ends a session nor keeps the owner out
    Given a login service with short times
    When strangers lock the account of somebody who has signed in before
    Then the session is live, the owner gets in from there, and nobody from elsewhere

  @C46 @step-7 @after-C43 @asvs-6.3.1
  Scenario: An address may fail so often, whatever accounts it tries
    Given a login service with short times
    And a second web process that locks at once, and at first for a moment
    When one address tries a password at more accounts than it may, and another one meanwhile
    Then it is refused until its window is over, and the other is not

  @C47 @step-7 @after-C45
  Scenario: A wrong current password counts as a failed login
    Given a login service with short times
    When somebody guesses at the current password
    Then after the limit the guesses are refused, and the session is live

  @C48 @step-7 @after-C43
  Scenario: A flood of logins is refused beyond the queue, and all other requests go on
    Given a login service that hashes slowly
    When far more log in at the same instant than the queue takes, and somebody goes on working
    Then the queue is served, the others are told to come again, and the work is not held up

  @C49 @step-7 @after-C43
  Scenario: Only the address that a proxy wrote counts
    Given a login service with short times
    When guesses come with addresses that were made up in front of the proxy's, in one line and in several
    Then they count for the address that the proxy wrote
