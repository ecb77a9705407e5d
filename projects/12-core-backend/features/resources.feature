Feature: Resources are made, read, changed and deleted

  @C1 @step-0
  Scenario: What it does not know is not there
    Given a backend
    When it is asked for paths that nobody has made, with several methods
    Then each answer is 404

  @C2 @step-1
  Scenario: A resource is made, read, changed and deleted
    Given a backend
    And somebody
    When they make a resource, and change one member of it after the other
    Then each answer shows it as it is then, and only what was sent has changed
    And when it is deleted it is gone

  @C3 @step-1 @after-C2
  Scenario: A list is walked from the newest to the oldest, each resource once
    Given a backend
    And somebody
    When they make some resources, and walk the list in small parts, while others are made
    Then each of the first ones comes once, the newest first

  @C4 @step-1 @after-C2
  Scenario: What is no resource is refused with a pointer, and changes nothing
    Given a backend
    And somebody
    When they send what is not acceptable, to make a resource and to change one
    Then each is refused with a pointer to its mistake
    And what cannot be read is 400, and what is no JSON is 415
    And an id that was never given out is 404, however it is spelled
    And what lies on the bounds is accepted
    And nothing else has changed
