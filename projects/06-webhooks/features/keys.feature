Feature: Events are told apart by their key

  Background:
    Given a webhook service

  @C17 @step-3 @after-C13
  Scenario: Events are told apart by what their source says
    When sources with keys in a header, at pointers, and with GitHub's and Stripe's own send twice
    Then what has the same key is the same event, and all else is not

  @C18 @step-3 @after-C17
  Scenario: A part of a key that is not there never makes one event of two
    When events come whose key is absent, null, no scalar, or in no JSON
    Then each is an event of its own, and only the same bytes are a duplicate
