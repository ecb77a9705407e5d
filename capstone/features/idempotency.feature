Feature: Writes that are sent again are done once

  @C47 @step-8
  Scenario: A write that is sent again with its Idempotency-Key is done once
    Given the platform
    And an organisation
    When projects, actions and invitations are sent twice, with keys and without
    Then each key is done once and answered alike, and whatever differs is another write or refused

  @C48 @step-8
  Scenario: Of equal writes at the same instant one is done
    Given the platform
    And an organisation
    When one write is sent many times at the same instant
    Then one is done, and each other hears the same, or that it is being done

  @C49 @step-8
  Scenario: A write whose process dies is done once when it is sent again
    Given the platform
    And an organisation
    When its process is killed while it is sent writes with keys, and all are sent again
    Then each is done once
