from pytest_bdd import scenarios

from kata.service_steps import SERVICE_FEATURE

scenarios(str(SERVICE_FEATURE))
