Feature: An application is known by its key

  Background:
    Given a flag service of two processes

  @C12 @step-3 @after-C11
  Scenario: A browser sees the flags that are marked for clients, and no others
    Then with a key for browsers the other flags are not there, alone and in a bulk

  @C14 @step-3 @after-C9
  Scenario: A key is good until it is revoked
    Then a key is taken from either header, a wrong one gets 401, and a revoked one too
