Feature: Whose request it is
  The verifier is the proxy, or goes round it, and writes what clients forge.

  @C18 @step-6 @after-C2
  Scenario: Without a trusted proxy, forged addresses change nothing
    Given a throttler that trusts no proxy
    When one client sends one request more than the limit, each with other forged addresses
    Then only the last of them is refused
    And whoever comes from another address has a budget of its own

  @C19 @step-6 @after-C2
  Scenario: Behind one trusted proxy, only the address that the proxy wrote counts
    Given a throttler
    And a client
    When it sends one request more than the limit, each with other forged addresses before its own
    Then only the last of them is refused
    And whoever sends the header not at all is limited by the address that it connects from

  @C20 @step-6 @after-C2
  Scenario: Behind several trusted proxies, the address that the first of them wrote counts
    Given a throttler behind several trusted proxies
    When two clients come through the same proxies
    Then each of them has a budget of its own
    And a forged address before theirs changes nothing

  @C21 @step-6 @after-C2
  Scenario: A request that did not come through all trusted proxies cannot choose its address
    Given a throttler behind several trusted proxies
    When one client goes round a proxy, and sends one request over the limit, each with other addresses
    Then only the last of them is refused

  @C32 @step-6 @after-C2
  Scenario: An address is one client however it is spelled
    Given a throttler
    When clients of both families spell their address differently in each request
    Then only the last of each is refused

  @C43 @step-6 @after-C2
  Scenario: The line of a request names its client as the limit sees it
    Given a throttler
    And a client
    When it sends one request more than the limit, each with other forged addresses before its own
    Then the line of each of them, also of the refusal, names its address
