Feature: Clients hear of changes, and ask again

  Background:
    Given a flag service of two processes

  @C33 @step-7 @after-C20
  Scenario: A stream tells of each change
    Then a bulk announces a stream, and on each process it tells of a change within a second

  @C34 @step-7 @after-C33
  Scenario: Who was away is told on the return
    Then a stream that is opened too late begins with the change, and one that is quiet is kept alive

  @C35 @step-7 @after-C33 @long
  Scenario: The address of a stream is a secret that does not last
    Then a token that is wrong, old or of a revoked key opens nothing, and no token is in the output

  @C36 @step-7 @after-C33
  Scenario: A stop ends the streams
    Then with streams open SIGTERM is a clean end
