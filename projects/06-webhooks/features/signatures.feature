Feature: A delivery is accepted if it is signed, and by whom

  Background:
    Given a webhook service

  @C1 @step-2
  Scenario: A signed delivery is acknowledged, whatever its bytes are
    When deliveries with odd bodies are signed, under either name of the headers
    Then each is acknowledged with 202 as a new event, and kept byte by byte

  @C2 @step-2 @after-C1
  Scenario: A signature that is wrong in any way is refused with 401
    When deliveries are sent whose signatures are wrong, each in its way
    Then each of them gets 401, and no event is made of it

  @C3 @step-2 @after-C1
  Scenario: One right signature among several is enough, up to sixteen
    When a right signature stands among wrong and malformed ones
    Then it is acknowledged, and with more than sixteen refused with 400

  @C4 @step-2 @after-C1
  Scenario: Headers that are missing, repeated, mixed or no such thing are refused with 400
    When deliveries are sent whose headers are malformed, each in its way
    Then each of them gets 400, and no event is made of it

  @C5 @step-2 @after-C1
  Scenario: A timestamp counts for TOLERANCE_SECONDS, before and after
    When deliveries are signed at both sides of the tolerance, of the past and of the future
    Then those within are acknowledged, and those beyond get 401

  @C6 @step-2 @after-C1
  Scenario: A source with a public key takes ed25519, and neither kind of key stands for the other
    When deliveries are signed with ed25519, for sources of either kind
    Then the right ones are acknowledged, and each downgrade gets 401
