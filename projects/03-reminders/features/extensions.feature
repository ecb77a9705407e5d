Feature: Further than the core: recurrence, signatures, channels and a wake-up without polling

  @E1 @extension-recurrence
  Scenario: A recurring reminder fires once for each of its times
    Given a reminder service with two workers
    When a reminder is made that recurs two seconds after its first time, and then no more
    Then it fires at both times, with the occurrences 1 and 2 in its body and its Idempotency-Key
    And it is shown as delivered when its rule has ended

  @E2 @extension-recurrence
  Scenario: A recurrence with an unknown zone or a bad rule is refused with 422
    Given a reminder service
    When recurring reminders with one mistake each are asked for
    Then each is refused with a pointer to its mistake

  @E3 @extension-recurrence
  Scenario: A recurring reminder keeps its local time when daylight saving begins and ends
    Given a reminder service
    When a daily reminder is made for the days around a change of the clocks
    Then its next times are at the same local time on each day

  @E9 @extension-recurrence
  Scenario: Rules of weeks, months and years recur as they say
    Given a reminder service
    Then reminders with such rules show their next times

  @E4 @extension-signature
  Scenario: Deliveries are signed as Standard Webhooks asks
    Given a reminder service with two workers and long leases, which signs
    When a reminder is due
    Then its callback gets a signature that is right for its id, its time and its body

  @E5 @extension-channels
  Scenario: A reminder can go to the log
    Given a reminder service with two workers
    When a reminder for the log is due
    Then a line of a worker's output is a JSON object with its message

  @E6 @extension-wake-up
  Scenario: Workers do not poll: a reminder fires within a fifth of a second of its time
    Given a reminder service with two workers
    When reminders are made at odd moments, each shortly before it is due
    Then each of them fires within a fifth of a second

  @E7 @extension-misfire
  Scenario: Of the times of a recurring reminder that were missed the latest fires, once
    Given a reminder service with two workers
    And all workers are down
    When several times of a recurring reminder are missed, and the workers are started again
    Then the latest of them fires once, and thereafter the ones to come

  @E8 @extension-page
  Scenario: The page shows what is due, and a message as text
    Given a reminder service
    When a reminder with markup in its message is soon due, and the page is looked at
    Then the page is HTML with that message, and without its markup
