Feature: Members are invited

  @C42 @step-6
  Scenario: An invitation is taken by whoever has the address, once
    Given the platform
    And an organisation
    When addresses are invited that have an account and that have none, and a stranger looks at them
    Then only whoever has the address sees it, and takes it once

  @C43 @step-6
  Scenario: An invitation ends with its time, its revocation and the rights of whoever has invited
    Given a strict platform that soon forgets
    And an organisation
    When invitations are revoked, replaced, outlive the rights of who has invited, and expire
    Then none of them can be taken, and the new one can

  @C44 @step-6
  Scenario: An invitation is mailed, and tells nobody who has an account
    Given the platform, with a worker that sends mails
    And an organisation
    When an address that has an account is invited, and one that has none
    Then both answers and both mails are alike
