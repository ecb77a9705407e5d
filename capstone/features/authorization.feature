Feature: Everybody at every door

  @C45 @step-12
  Scenario: Each operation of the document lets in whom it is for, and nobody else
    Given a platform, one of whose processes issues tokens for a second
    And an organisation
    When everybody asks for each operation of the OpenAPI document
    Then each is answered as the table of who may what says
