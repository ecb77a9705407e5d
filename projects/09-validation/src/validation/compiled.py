"""A version that is ready to judge values, and what it says of one."""

from jsonschema_rs import Validator, validator_for

from validation.admission import BASE, PATTERNS, document_of, registry_of
from validation.entries import VALID, Findings, findings
from validation.normalise import Normaliser
from validation.registry import Version
from validation.value import Value


class Compiled:
    """The library's validator, offline: what it does not have it does not fetch."""

    def __init__(self, version: Version, most_errors: int) -> None:
        self.version = version
        self._most_errors = most_errors
        self._document = document_of(version)
        self._validator: Validator = validator_for(
            version.schema,
            registry=registry_of(version),
            base_uri=BASE,
            offline=True,
            pattern_options=PATTERNS,
            validate_formats=version.assert_format,
            mask="*",  # in place of the values that its messages would quote
        )

    def accepts(self, value: Value) -> bool:
        return self._validator.is_valid(value)

    def findings(self, value: Value) -> Findings:
        if self._validator.is_valid(value):
            return VALID
        normaliser = Normaliser(self._document, value)
        return findings(normaliser.entries(self._validator.iter_errors(value)), self._most_errors)
