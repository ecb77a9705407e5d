Feature: Further than the core: algorithms, policies, lists and a page

  @E1 @extension-sliding-window
  Scenario: Exactly one slot frees when the oldest request expires
    Given a throttler of its own with the algorithm sliding-window
    And a client
    When it sends one request, and half a window later the rest of its budget
    Then when the first request has expired, exactly one more succeeds

  @E2 @extension-sliding-window
  Scenario: With a sliding window, exactly as many requests as the limit succeed at the same instant
    Given a throttler of its own with the algorithm sliding-window
    And Redis answers with a delay
    And a client
    When it sends three times its budget at the same instant
    Then exactly as many as the limit succeed

  @E3 @extension-token-bucket
  Scenario: A spent bucket refills by one request in each limit-th part of the window
    Given a throttler of its own with the algorithm token-bucket
    And a client that has used up its budget
    When one part of the window has passed since its first request
    Then exactly one more succeeds

  @E4 @extension-token-bucket
  Scenario: With a token bucket, exactly as many requests as the limit succeed at the same instant
    Given a throttler of its own with the algorithm token-bucket
    And Redis answers with a delay
    And a client
    When it sends three times its budget at the same instant
    Then at least as many as the limit succeed, and no more than refilled meanwhile

  @E5 @extension-policies
  Scenario: A request has to pass all policies of its route, and one refusal charges none of them
    Given a throttler of its own whose echo route has a second, stricter policy
    And a client
    When it echoes until the stricter policy refuses, and twice more
    Then the refusals name the stricter policy alone
    And the other policy is charged for the admitted requests alone

  @E6 @extension-policies
  Scenario: A route may cost more than one unit
    Given a throttler of its own whose echo route costs two units
    And a client
    When it echoes three times
    Then the remaining units count down by two

  @E7 @extension-shadow
  Scenario: In shadow mode everything passes, and the fields still tell the truth
    Given a throttler of its own with SHADOW set to true
    And a client
    When it sends as many requests as the limit, and one more
    Then all of them succeed
    And the last answer says that nothing remained

  @E8 @extension-lists
  Scenario: A client on the allow list is never limited
    Given a throttler of its own that allows a network
    And a client of that network
    When it sends as many requests as the limit, and one more
    Then all of them succeed

  @E9 @extension-lists
  Scenario: A client on the deny list is refused with 403
    Given a throttler of its own that denies a network
    And a client of that network
    When it sends a request
    Then it is refused with 403

  @E10 @extension-ipv6
  Scenario: The addresses of one IPv6 /64 share a budget
    Given a throttler
    When a client uses up its budget from changing addresses of one /64, and sends once more
    Then only the last of them is refused

  @E13 @extension-page
  Scenario: The page shows the visitor's budget and costs nothing of it
    Given a throttler
    And a client
    When it looks at the page more often than the limit allows
    Then all of them succeed
    And its budget is still whole
