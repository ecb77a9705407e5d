Feature: Hostile input is refused before it costs anything

  Background:
    Given a validation service

  @C25 @step-5
  Scenario: What is not strict JSON is refused with its place
    When texts with one fault each are sent to every route that reads JSON
    Then each gets 400 with the offset, the line and the column of the fault

  @C26 @step-5
  Scenario: A name that an object has twice is refused
    When objects with a name twice, spelled alike and differently, are sent
    Then each gets 400 with a pointer and the place of the second
    But the same name in another object is no fault

  @C27 @step-5 @after-C25
  Scenario: MAX_DEPTH is exact, for values and for schemas
    When values and schemas as deep as MAX_DEPTH, and one level deeper, are sent
    Then the former are read, and the latter get 400
    And a hundred thousand brackets are refused at once

  @C28 @step-5 @after-C25
  Scenario: The numbers of members and of strings are exact limits
    When values with as many members and strings as may be, and with one more, are sent
    Then those at the limit are read, and those beyond it get 400
    And as lines of a stream the latter have the same codes

  @C29 @step-5
  Scenario: A body that is too large, of another type or compressed is refused as that
    When bodies beyond the limit, of other types, of none and compressed are sent
    Then they get 413 and 415

  @C30 @step-5
  Scenario: The way in which errors are told never fails
    When garbage of many kinds is sent everywhere
    Then every answer is a 4xx problem, and the service is alive

  @C31 @step-5 @after-C11
  Scenario: An evaluation that explodes is stopped, and others do not notice
    When a schema that explodes is registered, and one that explodes on some values is asked about them
    Then each is answered rightly or stopped, within EVALUATION_MS and a second, and none is stopped sooner
    And meanwhile others are answered as fast as ever
    And what was in the values is not in the log

  @C32 @step-5 @after-C8
  Scenario: A pattern takes linear time
    When long texts are matched with patterns that explode elsewhere
    Then each is judged rightly within a fifth of a second
