Feature: What has expired is given out a while longer, where its writer has said so

  @C43 @step-14 @after-C36
  Scenario: While somebody makes a new one the others get the old one, for stale-while-revalidate seconds
    Given a cache of its own
    And a second process with the same folder
    When entries with stale-while-revalidate expire
    Then each is given out until that time is over, and one reader is told to make a new one
    And then its bytes are gone

  @C44 @step-14 @after-C43
  Scenario: Who could not make a new one gets the old one, for stale-if-error seconds
    Given a cache
    When entries with stale-if-error expire
    Then they are given to who says that a new one could not be made, and to nobody else
