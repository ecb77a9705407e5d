Feature: What can be seen of it, and how much may be asked

  @C22 @step-7 @after-C11
  Scenario: No secret stands in a log
    Given a backend
    When people register, log in and ask, rightly and wrongly
    Then no password and no token stands in the output

  @C23 @step-7 @long @after-C11
  Scenario: An address may ask so often for what costs a hash
    Given a backend that is asked little
    And a second web process
    When an address asks as often as it may, at both processes, and then more
    Then what is more is 429 with Retry-After, whatever the request says of its address
    And nothing else is limited
    And after Retry-After seconds it may ask again
    And of those that come at the same instant no more pass
