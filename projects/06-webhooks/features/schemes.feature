Feature: Each sender is checked by its own scheme, and one that nobody knew is described

  Background:
    Given a webhook service

  @C7 @step-2 @after-C1
  Scenario: GitHub's signature is over the bytes, also of a form, and SHA-1 alone is none
    When deliveries come as GitHub sends them, and with signatures that are wrong or old
    Then the right ones are acknowledged, and the others get 401

  @C8 @step-2 @after-C1
  Scenario: Stripe's header may hold several signatures, and one time
    When deliveries come as Stripe sends them, in each form that its header may have
    Then each gets the answer that its form asks for

  @C9 @step-2 @after-C1
  Scenario: A sender for whom no code was written is described
    When sources are described that sign in other ways, and send
    Then the right ones are acknowledged, and the others get 401
