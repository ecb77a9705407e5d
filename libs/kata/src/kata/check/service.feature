Feature: What every service is, in any language

  Background:
    Given the running service

  @S1 @step-1
  Scenario: It says that it is alive and that it is ready
    When it is asked for /health and for /ready
    Then both answers are 200

  @S2 @step-1
  Scenario: An unknown path is answered with problem details
    When it is asked for paths that do not exist, with several methods
    Then each answer is a problem with status 404

  @S3 @step-1
  Scenario: A well-formed X-Request-ID is kept, and any other is replaced
    When it is asked with well-formed X-Request-IDs, and with none, too long ones and ones with a bad character
    Then the answers carry the well-formed ones, and new ones for the others
    And requests without one that arrive at the same instant get one each

  @S4 @step-1
  Scenario: A request leaves one JSON object in the log, with its id and the time in UTC
    When it is asked with well-formed X-Request-IDs for what exists and what does not
    Then for each a line of its output is a JSON object with that id and the time in UTC

  @S5 @step-1
  Scenario: A body over the limit is refused with 413 before it has arrived
    When bodies above 1 MiB are announced and not sent, with several methods to several paths
    Then each answer is a problem with status 413
    But a body of exactly 1 MiB is not refused for its length

  @S6 @step-1
  Scenario: A malformed request is refused, and the service lives on
    When it is sent what is not HTTP, and lengths that are not numbers
    Then none is answered with a success or a server error
    And a request without Host gets 400
    And it is still alive

  @S7 @step-1
  Scenario: It counts its requests for Prometheus
    When it is asked for /metrics, and again after requests to a route, and again after others to paths that do not exist
    Then all answers are in the text format, and each time a counter has grown by the number of requests
    And no path that a client made up stands in them
    And they count whatever is answered, also with errors

  @S8 @step-1
  Scenario: Its answers carry secure headers
    When it answers with successes and with problems
    Then the answers have X-Content-Type-Options: nosniff and a Content-Security-Policy

  @S9 @step-1
  Scenario: It describes its API
    When it is asked for /openapi.json and for /docs
    Then the first is an OpenAPI 3 document with the routes of the contract, and the second a page

  @S10 @step-1
  Scenario: SIGTERM stops it with exit code 0 within 10 seconds
    When a process of its own is sent SIGTERM, while connections to it are kept open, and a body is on its way
    Then what was on its way is answered, and nothing new is
    And it has ended with exit code 0
    And its port refuses connections

  @S11 @step-1
  Scenario: A bad setting stops the start with a line that names the variable
    When it is started with one bad setting at a time
    Then no start succeeds, and each output names the variable
