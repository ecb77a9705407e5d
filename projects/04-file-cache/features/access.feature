Feature: Tokens, and a scope for builds that nobody trusts

  @C39 @step-12 @after-C4
  Scenario: Who shows no token that is known gets 401, who may not gets 403, and nothing changes
    Given a cache with tokens
    When everybody asks for everything, and shows a token in each way, none, or one that is nearly right
    Then each may do what the token is for, and what was refused has changed nothing

  @C40 @step-12 @after-C39
  Scenario: Who is not trusted reads what is trusted, and stores what only such as they are given
    Given a cache with tokens
    And a second process of it with the same folder
    When those who are not trusted store, replace, delete and fill under keys that others use
    Then nobody who is trusted sees anything of it
    And what is trusted comes first

  @C41 @step-12 @after-C39
  Scenario: ANONYMOUS says what may be done without a token
    When caches are started with and without tokens, and with each value of ANONYMOUS
    Then without a token so much may be done, and a token that is not known is refused
