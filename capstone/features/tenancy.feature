Feature: Organisations see nothing of each other

  Background:
    Given the platform

  @C7 @step-5
  Scenario: Who makes an organisation owns it, and everybody sees their own
    When somebody makes organisations, and somebody else makes another
    Then each sees theirs, in their order, as owner

  @C8 @step-5
  Scenario: What belongs to another organisation is as if it did not exist
    Given an organisation
    When somebody else asks every route with its ids, and with ids that do not exist
    Then the answers are alike in status, headers and body

  @C9 @step-6
  Scenario: What a member, an admin and an owner may do
    Given an organisation
    When each of them asks for what only some may do
    Then each is let in or refused with 403 as the table says

  @C10 @step-6
  Scenario: Nobody gives or takes a role above their own, and an organisation keeps an owner
    Given an organisation
    When an admin reaches for the owner's role, and two owners demote each other at the same instant
    Then the admin gets 403, and one of the owners stays

  @C11 @step-6
  Scenario: Who is demoted or removed is that at the next request, in every process
    Given a second web process
    And an organisation
    When an admin is demoted, and then removed
    Then each process refuses what the role allowed before

  @C12 @step-5
  Scenario: PostgreSQL itself shows the service no rows but those of the tenant that it names
    Given an organisation
    When the role of the service looks at all tables of tenants without naming one
    Then it sees no row, and may not pass over the policies
