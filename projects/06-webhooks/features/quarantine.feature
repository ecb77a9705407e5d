Feature: What was rejected is kept, explained, and admitted once the mistake is mended

  Background:
    Given a webhook service

  @C42 @step-7 @after-C2
  Scenario: A rejected delivery is kept with its cause
    When deliveries come with each of the known mistakes
    Then each is in the quarantine with the cause that explains it

  @C43 @step-7 @after-C42
  Scenario: The quarantine has a limit for each source, and keeps what was understood
    When a source gets one delivery by an understood mistake, and then more forgeries than are kept
    Then no more than the limit are kept, the understood one among them, and other sources lose none

  @C44 @step-7 @after-C42
  Scenario: After the secret is mended, what was rejected is admitted, as of when it came
    When deliveries were rejected for a secret that was not known yet, and it is added
    Then a reverification admits those that verify as of their receipt, once, and they are forwarded
