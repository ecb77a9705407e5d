Feature: What every service is, in any language

  Background:
    Given the running service

  @S1 @step-1
  Scenario: It says that it is alive and that it is ready
    When it is asked for /health and for /ready
    Then both answers are 200

  @S2 @step-1
  Scenario: An unknown path is answered with problem details
    When it is asked for a path that does not exist
    Then the answer is a problem with status 404

  @S3 @step-1
  Scenario: A well-formed X-Request-ID is kept, and any other is replaced
    When it is asked with a well-formed X-Request-ID, with none, and with a hostile one
    Then the answers carry the first, and new ones for the others

  @S4 @step-1
  Scenario: A request leaves one JSON object in the log, with its id and the time in UTC
    When it is asked with a well-formed X-Request-ID
    Then a line of its output is a JSON object with that id and the time in UTC

  @S5 @step-1
  Scenario: A body over the limit is refused with 413 before it has arrived
    When a body of 1 GiB is announced and not sent
    Then the answer is a problem with status 413

  @S6 @step-1
  Scenario: A malformed request is refused, and the service lives on
    When it is sent something that is not HTTP, and a length that is not a number
    Then neither is answered with a success or a server error
    And it is still alive

  @S7 @step-1
  Scenario: It counts its requests for Prometheus
    When it is asked for /metrics, and again after five requests
    Then both answers are in the text format, and a counter has grown by five

  @S8 @step-1
  Scenario: Its answers carry secure headers
    When it is asked for /health and for /ready
    Then the answers have X-Content-Type-Options: nosniff and a Content-Security-Policy

  @S9 @step-1
  Scenario: It describes its API
    When it is asked for /openapi.json and for /docs
    Then the first is an OpenAPI 3 document with the routes of the contract, and the second a page

  @S10 @step-1
  Scenario: SIGTERM stops it with exit code 0 within 10 seconds
    When a process of its own is sent SIGTERM
    Then it has ended with exit code 0

  @S11 @step-1 @alone
  Scenario: A bad setting stops the start with a line that names the variable
    When it is started with one bad setting at a time
    Then no start succeeds, and each output names the variable
