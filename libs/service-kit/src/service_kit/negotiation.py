"""What a request must be like to reach an operation: its query, its Accept and its Content-Type."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from service_kit.json_text import Json, as_mapping
from service_kit.problems import FieldError, Problem, ProblemError, of_status

# One spelling for each value: int() also takes 1_000, blanks and other scripts' digits, pydantic `yes`.
SPELLINGS = {
    "integer": re.compile(r"-?(?:0|[1-9][0-9]{0,18})"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,18})?"),
    "boolean": re.compile(r"true|false"),
}
FIELDS_LIMIT = 100
# How a document says that any parameter may come: each member of the object is one.
ANY_QUERY: Json = {
    "name": "any",
    "in": "query",
    "style": "form",
    "explode": True,
    "schema": {"type": "object"},
}
# Source: RFC 3986, section 3.2.2, without the comma, which stands between two lines.
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(?::[0-9]*)?")
WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


@dataclass(frozen=True, slots=True)
class Operation:
    """What an OpenAPI document says of one method of one path; nothing is demanded where it says nothing."""

    is_described: bool = False
    any_query: bool = False
    query: Mapping[str, Json] = field(default_factory=dict)
    path: Mapping[str, Json] = field(default_factory=dict)
    consumes: frozenset[str] = frozenset()
    needs_body: bool = False
    produces: frozenset[str] = frozenset()

    def check(
        self, values: Mapping[str, str], query: str, accept: str | None, content_type: str | None
    ) -> None:
        """Let a request pass. `content_type` is None for one without a body.

        Raises: ProblemError: 404 for a path that can name nothing, 400 for a bad query, 406, 415.
        """
        if not self.is_described:
            return
        if any(_misspelt(name, values[name], schema) for name, schema in self.path.items() if name in values):
            raise ProblemError(of_status(404))
        if (query or self.query) and not self.any_query:
            self._check_query(query)
        if accept is not None and self.produces and not is_acceptable(accept, self.produces):
            raise ProblemError(of_status(406, f"The answer is {' or '.join(sorted(self.produces))}."))
        if content_type is not None and self.consumes and not _matches(content_type, self.consumes):
            raise ProblemError(of_status(415, f"The body must be {' or '.join(sorted(self.consumes))}."))

    def _check_query(self, query: str) -> None:
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_LIMIT)
        except ValueError as error:  # UnicodeDecodeError is one
            raise ProblemError(of_status(400, "The query is not UTF-8, or has too many parts.")) from error
        errors = list(self._errors(pairs))
        if errors:
            detail = f"The query has {len(errors)} mistakes." if len(errors) > 1 else errors[0].detail
            raise ProblemError(Problem(400, "invalid_query", "Invalid query", detail, errors=errors))

    def _errors(self, pairs: list[tuple[str, str]]) -> Iterator[FieldError]:
        seen: set[str] = set()
        for name, value in pairs:
            schema = self.query.get(name)
            if schema is None:
                yield FieldError("unknown", "There is no such parameter.", parameter=name)
            elif name in seen and "array" not in types(schema):
                yield FieldError("repeated", "It may be given once.", parameter=name)
            elif error := _misspelt(name, value, schema):
                yield error
            seen.add(name)


def check_host(host: str | None, http_version: str) -> None:
    """Let a request pass that says which host it means. `host` is its lines, with commas between.

    Before HTTP/1.1 it need not. A server may show a missing one as empty, and for `http:` that is as bad.
    Raises: ProblemError of 400.
    """
    if (http_version == "1.1" and not host) or (host and HOST.fullmatch(host) is None):
        raise ProblemError(of_status(400, "There must be one Host."))


def check_transfer(transfer_encoding: str | None) -> None:
    """Let a body pass that came in chunks, or with its length. Raises: ProblemError of 400.

    A server takes any coding off as long as chunked is the last, so that what is compressed looks plain.
    """
    if transfer_encoding and transfer_encoding.strip(" \t,").lower() != "chunked":
        raise ProblemError(of_status(400, "Of transfer codings there may be chunked, once."))


def check_coding(content_encoding: str | None) -> None:
    """Let a body pass that is not compressed.

    Raises: ProblemError of 415, which names what is read. Source: RFC 9110, section 15.5.16.
    """
    if content_encoding and content_encoding.strip().lower() != "identity":
        headers = {"Accept-Encoding": "identity"}
        raise ProblemError(of_status(415, "The body must not be compressed.", headers))


def operation_of(described: Json) -> Operation:
    """Read an operation of an OpenAPI document."""
    if not isinstance(described, Mapping):
        return Operation()
    listed = described.get("parameters")
    parameters = [as_mapping(one) for one in listed] if isinstance(listed, list | tuple) else []
    responses = as_mapping(described.get("responses")).items()
    body = as_mapping(described.get("requestBody"))
    return Operation(
        is_described=True,
        any_query=ANY_QUERY in parameters,
        query={str(one["name"]): one.get("schema") for one in parameters if one.get("in") == "query"},
        path={
            str(one["name"]): one.get("schema")
            for one in parameters
            if one.get("in") == "path" and _spelt_kinds(one.get("schema"))
        },
        consumes=frozenset(as_mapping(body.get("content"))),
        needs_body=body.get("required") is True,
        produces=frozenset(
            media_type.partition(";")[0]
            for status, answer in responses
            if status.startswith("2")
            for media_type in as_mapping(as_mapping(answer).get("content"))
        ),
    )


def types(schema: Json) -> set[str]:
    """Return the JSON types that a schema names, at its top and in its alternatives."""
    members = as_mapping(schema)
    own = members.get("type")
    found = {own} if isinstance(own, str) else {str(one) for one in own} if isinstance(own, list) else set()
    for keyword in ("anyOf", "oneOf"):
        alternatives = members.get(keyword)
        if isinstance(alternatives, list):
            found = found.union(*map(types, alternatives))
    return found


def _spelt_kinds(schema: Json) -> set[str]:
    """Return the types that a value may be of, if each of them has one spelling; else none."""
    kinds = types(schema) - {"null", "array"}
    return kinds if kinds <= SPELLINGS.keys() else set()


def _misspelt(name: str, value: str, schema: Json) -> FieldError | None:
    kinds = _spelt_kinds(schema)
    if not kinds or any(SPELLINGS[kind].fullmatch(value) for kind in kinds):
        return None
    return FieldError("misspelt", f"It is no {' and no '.join(sorted(kinds))}.", parameter=name)


def is_acceptable(accept: str, produces: frozenset[str]) -> bool:
    """Say whether Accept lets one of the media types pass; a header that says nothing lets all pass.

    Source: RFC 9110, section 12.5.1: the most specific range that matches decides.
    """
    ranges = dict(_ranges(accept))
    return not ranges or any(_weight(media_type, ranges) > 0 for media_type in produces)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for entry in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
        if "/" in media_range and all(WEIGHT.fullmatch(text) for text in weights):
            yield media_range, float(weights[0]) if weights else 1.0


def _weight(media_type: str, ranges: Mapping[str, float]) -> float:
    kind = media_type.partition("/")[0]
    return next((ranges[one] for one in (media_type, f"{kind}/*", "*/*") if one in ranges), 0.0)


def media_type_of(content_type: str) -> str:
    """Return the media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Say whether it is JSON, or a format that is written in JSON."""
    return media_type == "application/json" or media_type.endswith("+json")


def _matches(content_type: str, consumes: frozenset[str]) -> bool:
    media_type = media_type_of(content_type)
    return media_type in consumes or (is_json(media_type) and "application/json" in consumes)
