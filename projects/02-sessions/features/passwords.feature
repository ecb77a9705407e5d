Feature: Passwords are kept so that nobody can read them, and accepted as NIST has it

  @C8 @step-3 @after-C1 @asvs-6.2.8
  Scenario: A password is kept as a hash of argon2id, and stands nowhere
    Given a login service
    When somebody makes an account, and signs in with the right password and a wrong one
    Then the database holds argon2id hashes with the settings' parameters, and no password is anywhere

  @C9 @step-3 @after-C1 @asvs-6.2.1 @asvs-6.2.9
  Scenario: The length of a password is counted in code points after NFC
    Given a login service
    When passwords of the least and the greatest length and beyond are set, in letters of many bytes too
    Then those within are accepted, and those beyond are refused with a pointer, the long ones before any hashing

  @C10 @step-3 @after-C9 @asvs-6.2.8
  Scenario: A password counts in full, exactly as it was sent
    Given a login service
    When somebody signs in with passwords that differ from theirs in one place
    Then none of them is right, and theirs is

  @C11 @step-3 @after-C9
  Scenario: However its characters are typed, a password is the same, and others are not
    Given a login service
    When passwords that are set composed are tried decomposed, and others that only look alike
    Then the first are right, and the others are wrong

  @C12 @step-3 @after-C9 @asvs-6.2.4 @asvs-6.2.5 @asvs-6.2.11
  Scenario: Common passwords and the e-mail's own part are refused, and nothing else
    Given a login service
    When common passwords, ones with the e-mail's own part, and ones of one kind of letter are set
    Then the first two are refused with a pointer, and the others are accepted

  @C13 @step-3 @after-C8
  Scenario: Who signs in is hashed anew when the parameters have changed
    Given a login service
    And a registered user
    When the user signs in at a process with other parameters
    Then the hash has the new parameters, and the password is still right
