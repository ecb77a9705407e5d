"""Which schemas are taken: by the metaschema, their references, their patterns, and how keywords are spelled.

Nothing is opened and nobody is called for that: a reference leads into what was registered with it, or is
refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urldefrag, urljoin

import jsonschema_rs
from jsonschema_rs import Draft202012, Draft202012Validator, ReferencingError, RegexOptions, ValidationError

from validation.entries import Entry, Path
from validation.normalise import Normaliser
from validation.registry import Version
from validation.unions import Document
from validation.value import Value

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_VOCABULARIES: Final = (
    "core",
    "applicator",
    "unevaluated",
    "validation",
    "meta-data",
    "format-annotation",
    "content",
)
_OF_THE_DIALECT: Final = {
    DIALECT,
    *(DIALECT.replace("12/schema", f"12/meta/{name}") for name in _VOCABULARIES),
}
BASE: Final = "https://registered.invalid/schema"
"""The URI of a document that has no `$id`. No such host can exist."""
PATTERNS: Final = RegexOptions(size_limit=1_000_000)
"""Automata: no lookaround and no backreference, linear time, and so many bytes at most once compiled."""

_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS: Final = ("$defs", "properties", "patternProperties", "dependentSchemas")
_SINGLE: Final = (
    *("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
_KEYWORDS: Final = frozenset(
    {
        *(*_LISTS, *_MAPS, *_SINGLE),
        *("$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary"),
        *("const", "contentEncoding", "contentMediaType", "default", "dependentRequired", "deprecated"),
        *("description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format"),
        *("maxContains", "maximum", "maxItems", "maxLength", "maxProperties"),
        *("minContains", "minimum", "minItems", "minLength", "minProperties"),
        *("multipleOf", "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly"),
    }
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A schema within a schema, and the URI that its references start from."""

    path: Path
    schema: dict[str, Value]
    base: str


def registry_of(version: Version) -> jsonschema_rs.Registry:
    """Make the library's registry of these documents, which has no others and fetches none."""
    documents = [(BASE, version.schema), *version.resources.items()]
    return jsonschema_rs.Registry(documents, draft=Draft202012)


def document_of(version: Version) -> Document:
    return Document(version.schema, registry_of(version), BASE)


def mistakes(version: Version) -> Iterator[Entry]:
    """Yield what is wrong with it; references and patterns are looked at in what the metaschema takes."""
    parts: dict[Path, tuple[Value, str]] = {("schema",): (version.schema, BASE)}
    parts |= {("resources", uri): (resource, uri) for uri, resource in version.resources.items()}
    wrong = [entry for path, (part, _) in parts.items() for entry in _against_metaschema(path, part)]
    if wrong:
        yield from wrong
        return
    places = [place for path, (part, uri) in parts.items() for place in _places(path, part, uri)]
    known = {*_OF_THE_DIALECT, *version.resources, *(urldefrag(place.base)[0] for place in places)}
    outside = [entry for place in places for entry in _outside(place, known, version)]
    yield from outside
    if not outside:  # what is put together may lead nowhere else
        yield from _to_nothing(places, version)
    for place in places:
        yield from _bad_patterns(place)


def misspellings(version: Version) -> Iterator[Entry]:
    """Yield the keywords that 2020-12 does not have and that are one slip away from one that it has."""
    for place in _places(("schema",), version.schema, BASE):
        for name in sorted(place.schema.keys() - _KEYWORDS):
            meant = next((keyword for keyword in sorted(_KEYWORDS) if _is_a_slip(name, keyword)), None)
            if meant is not None:
                yield Entry((*place.path, name), "unknown_keyword", {"suggestion": meant})


def _is_a_slip(written: str, meant: str) -> bool:
    """Tell whether they differ in case, in one letter, or by two letters that changed places."""
    if written.casefold() == meant.casefold():
        return True
    while written and meant and written[0] == meant[0]:
        written, meant = written[1:], meant[1:]
    while written and meant and written[-1] == meant[-1]:
        written, meant = written[:-1], meant[:-1]
    return max(len(written), len(meant)) <= 1 or (len(meant) == len("ab") and written == meant[::-1])


def _against_metaschema(path: Path, part: Value) -> Iterator[Entry]:
    metaschema: dict[str, Value] = {"$ref": DIALECT}
    document = document_of(Version(metaschema, {}, assert_format=False))
    # Its formats are asserted, for what is no URI cannot be followed; patterns have a check of their own.
    validator = Draft202012Validator(metaschema, offline=True, mask="*", validate_formats=True)
    for entry in Normaliser(document, part).entries(validator.iter_errors(part)):
        if entry.params.get("format") != "regex":
            yield Entry((*path, *entry.path), entry.code, entry.params, entry.keyword)


def _places(path: Path, schema: Value, base: str) -> Iterator[_Place]:
    if not isinstance(schema, dict):
        return
    own = schema.get("$id")
    base = urljoin(base, own) if isinstance(own, str) else base
    yield _Place(path, schema, base)
    for keyword in schema:
        inner = schema[keyword]
        if keyword in _SINGLE:
            yield from _places((*path, keyword), inner, base)
        elif keyword in _LISTS and isinstance(inner, list):
            for number, one in enumerate(inner):
                yield from _places((*path, keyword, number), one, base)
        elif keyword in _MAPS and isinstance(inner, dict):
            for name, one in inner.items():
                yield from _places((*path, keyword, name), one, base)


def _references(place: _Place) -> Iterator[tuple[str, str]]:
    for keyword in ("$ref", "$dynamicRef"):
        reference = place.schema.get(keyword)
        if isinstance(reference, str):
            yield keyword, reference


def _outside(place: _Place, known: set[str], version: Version) -> Iterator[Entry]:
    dialect = place.schema.get("$schema", DIALECT)
    if str(dialect).rstrip("#") != DIALECT and dialect not in version.resources:
        yield Entry((*place.path, "$schema"), "unknown_dialect")
    for keyword, reference in _references(place):
        target = place.base if reference.startswith("#") else urljoin(place.base, reference)
        if urldefrag(target)[0] not in known:
            yield Entry((*place.path, keyword), "reference_outside")


def _to_nothing(places: Sequence[_Place], version: Version) -> Iterator[Entry]:
    try:
        registry = registry_of(version)
    except (ValueError, ReferencingError):  # an `$id` that cannot be joined with another
        yield Entry(("schema",), "reference_to_nothing")
        return
    for place in places:
        for keyword, reference in _references(place):
            try:
                registry.resolver(place.base).lookup(reference)
            except (ValueError, ReferencingError):
                yield Entry((*place.path, keyword), "reference_to_nothing")


def _bad_patterns(place: _Place) -> Iterator[Entry]:
    named = place.schema.get("patternProperties")
    patterns: dict[Path, Value] = {("pattern",): place.schema.get("pattern")}
    patterns |= {("patternProperties", name): name for name in (named if isinstance(named, dict) else ())}
    for path, pattern in patterns.items():
        try:
            Draft202012Validator(
                {"pattern": pattern} if isinstance(pattern, str) else {}, pattern_options=PATTERNS
            )
        except ValidationError:
            yield Entry((*place.path, *path), "bad_pattern")
