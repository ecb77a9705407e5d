"""What every service is: the shared feature, asked of the reminder service."""

from pytest_bdd import scenarios

from kata.service_steps import SERVICE_FEATURE

scenarios(str(SERVICE_FEATURE))
