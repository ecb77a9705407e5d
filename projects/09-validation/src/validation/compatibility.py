"""Does the new version accept all that the old one accepts? `no` is said with a value that shows it.

Canonical forms decide what can be decided: `new.covers(old)` proves a yes, and `old.subtract(new)` describes
what the old version takes and the new one refuses. Examples of that are tried on both versions, and one that
both judge as it should be is the witness. What nobody proves is `unknown`: a guess would be worth nothing.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from typing import Final

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, ValidationError
from jsonschema_rs.canonical import CanonicalizationError, Containment

from validation.admission import BASE, PATTERNS, registry_of
from validation.compiled import Compiled
from validation.entries import VALID, Findings
from validation.examples import examples
from validation.library import exact
from validation.registry import Version
from validation.value import Value

_MOST_TRIED: Final = 400


class Compatible(StrEnum):
    """What is known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer. With `no` come the witness and what the new version says of it."""

    compatible: Compatible
    witness: Value = None
    findings: Findings = VALID


def compare(old: Compiled, new: Compiled) -> Comparison:
    described: list[Value] = [old.version.schema]
    # Versions of which one asserts formats and the other does not, and some keywords, have no common form.
    with suppress(CanonicalizationError, ValidationError):
        canonical_old, canonical_new = _canonical(old.version), _canonical(new.version)
        if canonical_new.covers(canonical_old) is Containment.YES:
            return Comparison(Compatible.YES)
        described.insert(0, exact(canonical_old.to_json_schema()))
        described.insert(0, exact(canonical_old.subtract(canonical_new).to_json_schema()))
    for candidate in islice(chain.from_iterable(map(examples, described)), _MOST_TRIED):
        if old.accepts(candidate) and not new.accepts(candidate):
            return Comparison(Compatible.NO, candidate, new.findings(candidate))
    return Comparison(Compatible.UNKNOWN)


def _canonical(version: Version) -> CanonicalSchema:
    return jsonschema_rs.canonicalize(
        version.schema,
        draft=jsonschema_rs.Draft202012,
        registry=registry_of(version),
        base_uri=BASE,
        offline=True,
        pattern_options=PATTERNS,
        validate_formats=version.assert_format,
    )
