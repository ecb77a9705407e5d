Feature: Everybody at every door

  @C45 @step-13 @long
  Scenario: Each operation of the document lets in whom it is for, and nobody else
    Given a platform, one of whose processes issues tokens for a second
    And an organisation
    When everybody asks for each operation of the OpenAPI document
    Then each is answered as the table of who may what says

  @C46 @step-13
  Scenario: What belongs to another organisation is as if it did not exist, whatever the operation
    Given the platform
    And an organisation
    When an owner asks for each operation with another organisation's ids
    Then each answer is that for an id that does not exist
