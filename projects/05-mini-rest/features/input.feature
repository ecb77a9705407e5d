Feature: What is sent is checked before it is stored

  Background:
    Given the service
    And a member of an organisation

  @C2 @step-2 @after-C1
  Scenario: A title may have as many characters as the limit, and not one more
    When titles of one character, of as many as the limit and of one more are sent, and notes, in a change too
    Then those up to the limit are kept as they were sent, and the others are refused with 422

  @C45 @step-2 @after-C2
  Scenario: A setting that is left out has its default
    Given a service whose title limit is left out, and that remembers keys for a second
    When titles with as many characters as the default limit and with one more are sent
    Then those up to the limit are kept as they were sent, and the others are refused with 422

  @C3 @step-2 @after-C1
  Scenario: Bad input is refused with 422, pointed at, and not stored
    When tasks are asked for with one mistake at a time
    Then each is refused with a pointer to its mistake
    And none of them is in the list

  @C4 @step-2 @after-C1
  Scenario: A body that cannot be read is refused, and not stored
    When bodies are sent that are no JSON, and such as are no object
    Then the first are refused with 400, the others with 422
    And none of them is in the list

  @C5 @step-2 @after-C1
  Scenario: A body of another type is refused with 415
    When bodies of other types, of none and in other charsets are sent, as a task and as a change
    Then each is refused with 415, and a change is told what it may be
    And none of them is in the list

  @C11 @step-2
  Scenario: What the operator sends is checked, too
    When users, organisations and members are asked for with one mistake at a time
    Then each is refused with a pointer to its mistake
    And a member of nothing, or who is nobody, is refused with 404
