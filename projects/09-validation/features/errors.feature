Feature: Mistakes are told in one form

  Background:
    Given a validation service

  @C18 @step-4
  Scenario: There is one table of codes, and every code in use is in it
    When the table of codes is asked for
    Then each row has a code, a status, a text and the names of its params
    And it has those that a problem or a record is told with
    And the codes and params that mistakes of all kinds are told with are those of the table

  @C19 @step-4 @after-C11
  Scenario: A pointer is the fragment form, a missing member points at itself, each unknown one has its own entry
    When values with members of odd names missing, unknown and wrong are validated
    Then each has an entry of its own, at its own place

  @C21 @step-4 @after-C19
  Scenario: Mistakes are in the order of their pointers, and then of their codes
    When a value with many mistakes is validated with its members in several orders
    Then the entries are the same each time, ordered bytewise by pointer, and then by code

  @C22 @step-4 @after-C11
  Scenario: No more than MAX_ERRORS mistakes are told, and it is told that there are more
    When values with one mistake less than MAX_ERRORS, with as many and with more are validated
    Then the first two are told whole, and the last with MAX_ERRORS entries and truncated
