Feature: What was shown counts elsewhere, too

  @C41 @step-7 @after-C8
  Scenario: A run is a report for other tools
    Given a learner of a class
    When runs end in all ways that there are
    Then each is told in the Common Test Report Format, with a status for each of its checks

  @C42 @step-7 @after-C36
  Scenario: Progress moves between machines by receipts that prove it
    Given a learner of a class
    When receipts of another machine are taken in, part by part
    Then what they prove is completed, as local, and receipts of one's own can be taken along

  @C43 @step-7 @after-C42
  Scenario: What proves nothing is refused, and marks nothing
    Given a learner of a class
    When receipts are taken in that are forged, of others, out of their order, or of a failure
    Then each is refused with a pointer, and nothing is completed
