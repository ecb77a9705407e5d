Feature: Two versions are compared

  Background:
    Given a validation service

  @C39 @step-7 @after-C11
  Scenario: A version that accepts all that another accepts is compatible
    When versions that are wider than others in one way each are compared
    Then each answer is yes

  @C40 @step-7 @after-C11
  Scenario: What a change breaks is shown by a value that the old version accepts and the new one refuses
    When versions that are narrower than others in one way each are compared
    Then each answer is no, with a witness
    And the old version accepts the witness, and the new one refuses it with the same errors

  @C41 @step-7 @after-C40
  Scenario: No answer is a guess
    When versions are compared that nobody can prove to be compatible
    Then no answer is a yes that a value disproves, and no witness is one that fails
    And what is no pair of versions is refused

  @C45 @step-7 @after-C39
  Scenario: A comparison refuses what any other route refuses
    When what is no strict JSON, and what may not be read, is sent to be compared
    Then each is refused as by any other route
