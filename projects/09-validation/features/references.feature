Feature: References stay within what was registered

  Background:
    Given a validation service

  @C6 @step-2 @after-C1
  Scenario: A reference that leads out is refused, and nothing is opened or called for it
    When schemas with references to the network, to files and to nothing are registered
    Then each is refused with 422, and its reference is pointed at
    And nobody has called the verifier or opened its file

  @C7 @step-3 @after-C11
  Scenario: A reference leads within the document, or to a resource that came along
    When schemas with references to pointers, anchors, ids and resources are registered
    Then values are judged by what the references lead to
