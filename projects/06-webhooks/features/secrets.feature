Feature: Secrets are changed without a loss, read in each of their spellings, and shown once

  Background:
    Given a webhook service

  @C10 @step-2 @after-C1
  Scenario: Secrets are changed without a delivery lost
    When a source has an old and a new secret, and the old one expires
    Then both count until then, and from then on the new one alone

  @C11 @step-2 @after-C1
  Scenario: A secret is taken in each of its spellings, and refused with 422 if it is none
    When sources are made with secrets in all spellings, and with what is no secret
    Then the first verify, and the others are refused with a pointer

  @C12 @step-2 @after-C1
  Scenario: A secret is shown once
    When a source is made, used, and looked at
    Then its secret is nowhere to be seen, and its fingerprint and last use are
