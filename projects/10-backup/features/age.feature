Feature: Further than the core: dumps that only a key opens

  @E5 @extension-age
  Scenario: A dump is encrypted by a public key, and restored by who has its identity
    Given a backup service with a public key of age
    And rows in its database
    When a version is made
    Then it can be verified, and without its identity neither drilled nor restored
    And stock tools restore it with the identity
    And damage has its code, and a service with the identity restores what is whole
