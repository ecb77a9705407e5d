Feature: Of many who miss at one instant one fills, and the others get what it has stored

  @C36 @step-11 @after-C5
  Scenario: Of many that miss at one instant one gets a lease, and the others what is stored meanwhile
    Given a cache of its own
    And a second process with the same folder
    When many ask both processes for what is not there at the same instant, and it is stored while they wait
    Then one gets 404 with a lease, and the others what was stored
    And who does not ask to wait gets 404 at once, and no lease

  @C37 @step-11 @after-C36
  Scenario: A lease ends with its time, a PUT or a DELETE, and then goes to another
    Given a cache of its own
    And a second process with the same folder
    When a lease ends because its time is over, its process was killed, or its key was deleted
    Then it goes to one of those who wait, and not sooner
    And what was made under it is refused

  @C38 @step-11 @after-C36 @long
  Scenario: So many requests wait at once, and for so long, that all others are served
    Given a cache of its own with long leases
    And a second process with the same folder
    When as many wait as may, and one more comes
    Then that one is told to come again, all other requests are answered, and the places are free again
