Feature: A cache that may fail

  @C16 @step-5 @after-C2
  Scenario: A resource is answered from Redis, and not for longer than it may be
    Given a backend
    And a second web process
    And somebody
    When a resource is read, and then changed behind the backend's back
    Then each process answers with what was read, until CACHE_SECONDS are over
    And without the entry it is read anew, and no entry stays for ever

  @C17 @step-5 @after-C16
  Scenario: Whoever has changed a resource sees it changed, at every process
    Given a backend
    And a second web process
    And somebody
    When resources are changed and deleted, while readers stand still amid a read
    Then each process answers with the last change
    And what was deleted is gone

  @C18 @step-5 @after-C16
  Scenario: Without Redis all goes on
    Given a backend
    And somebody
    When Redis goes down, falls silent, or comes back empty
    Then each request is answered rightly within two seconds, and it is ready
    And afterwards Redis is in use again
    And it starts without Redis, and says so
