Feature: Traces

  Background:
    Given the platform, with two workers that send webhooks
    And an organisation
    And the feature is enabled

  @C81 @step-23
  Scenario: What a request causes is one trace, through its jobs to whom they call
    When things are done whose requests say of which trace they are, and some that say nothing right
    Then each trace has the request, below it each attempt of its job, and below that the call that names itself
    And the lines of the log name the trace
    And no span says what only its sender is to know

  @C82 @step-23
  Scenario: A collector that is away delays nothing, and nothing else is lost
    When the collector is silent, and breaks off, while things are done, and comes back
    Then each was done as fast as ever, and later spans arrive again
