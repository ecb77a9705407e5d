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

  @C47 @step-7 @after-C45
  Scenario: A wrong current password counts as a failed login
    Given a login service with short times
    When somebody guesses at the current password
    Then after the limit the guesses are refused, and the session is live
