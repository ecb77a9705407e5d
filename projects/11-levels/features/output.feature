Feature: What a verifier prints and reads does no harm

  @C16 @step-3 @after-C8
  Scenario: What a verifier prints is kept as text, without secrets, and not without end
    Given a learner of a class
    When a verifier prints colours, markup, secrets and a million lines
    Then what is kept is text, without secrets, and no longer than it may be

  @C17 @step-3 @after-C8
  Scenario: A solution cannot read the service's own settings
    Given a learner of a class
    When a verifier looks at its environment
    Then nothing of the service's is in it
