Feature: What cannot be is refused with a pointer, and metrics tell what is

  Background:
    Given a webhook service

  @C40 @step-6 @after-C1
  Scenario: Sources and secrets that cannot be made are refused with a pointer
    When sources are asked for with one mistake at a time
    Then each is refused with a pointer to its mistake
    And a name that is taken gets 409, and what does not exist 404

  @C41 @step-6 @after-C15
  Scenario: Its metrics tell what came, what was refused, and what waits
    When deliveries of each kind come, and some are held
    Then the metrics have grown by them, and tell what waits
