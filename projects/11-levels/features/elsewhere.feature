Feature: What runs elsewhere is judged where it runs

  @C44 @step-8 @after-C8
  Scenario: What runs at a URL is judged there, if it says whose it is
    Given a learner of a class
    When runs are asked for by URL, of what says that it is the learner's, and of what does not
    Then what is the learner's is judged at its address, and all else is refused in time

  @C45 @step-8 @after-C6
  Scenario: Only what is on the public Internet is asked
    Given a service on the learner's own machine, with a key that was not there yet
    When runs are asked for by URLs that lead to this machine, to its network, or to none
    Then each is refused, and nobody was asked
