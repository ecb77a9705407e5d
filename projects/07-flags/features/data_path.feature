Feature: A flag is answered from the process, whatever is lost behind it

  @C20 @step-4 @after-C9
  Scenario: A change is on every process within a second
    Given a flag service of two processes
    When flags are made and changed
    Then each process serves the change within a second

  @C21 @step-4 @after-C20
  Scenario: A change arrives although news are lost
    Given a process with both stores, one without Redis, and one without PostgreSQL
    Then a change is on each of them within a second

  @C22 @step-4 @after-C20
  Scenario: Evaluation goes on while PostgreSQL or Redis is lost, in any way
    Given a flag service of two processes whose stores may be lost
    When each store is lost in turn, refused, silent or restarted and empty
    Then flags are evaluated all the time, and nobody gets 401
    And a change is possible as soon as PostgreSQL is back, and is everywhere

  @C23 @step-4 @after-C22 @long
  Scenario: While both stores are away the last ruleset is served, also after a start
    Given a flag service of two processes whose stores may be lost
    When both stores are lost
    Then the last ruleset is served, and answers tell how old it is
    And a process that is killed and started then serves it too

  @C24 @step-4 @after-C20
  Scenario: Nobody who has heard of a change is told what was before it
    Given a process with both stores, one without Redis, and one without PostgreSQL
    Then a process that cannot hear of a change says 503 within a second to who has heard of it
