"""The tests that the scenarios of service.feature are; `ServiceFeature` collects them for each project."""

from pytest_bdd import scenarios

from kata.check.service_steps import SERVICE_FEATURE

scenarios(str(SERVICE_FEATURE))
