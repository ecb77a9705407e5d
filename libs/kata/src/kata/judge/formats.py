"""Formats that every contract names, read strictly: JSON, problems, Prometheus' text, RFC 3339."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from kata.judge.expectations import describe_answer, expect
from kata.network.exchange import Exchange

_SAMPLE = re.compile(
    r"^(?P<series>[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (?P<value>[-+0-9.eE]+|NaN|[+-]Inf)(?: \d+)?$"
)


def is_problem(answer: Exchange, status: int, rule: str | None = None) -> Mapping[str, object]:
    """Return the members of a problem with this status, or fail the check."""
    of_it = f" from {answer.asked}" if answer.asked else ""
    expect(
        answer.status == status,
        expected=f"{status}{of_it}",
        got=describe_answer(answer),
        rule=rule,
        answer=answer,
    )
    kind = (answer.header("content-type") or "none").partition(";")[0]
    wanted = "application/problem+json"
    expect(kind == wanted, expected=f"{wanted}{of_it}", got=kind, rule=rule, answer=answer)
    body = as_object(answer, rule)
    missing = [name for name in ("type", "title", "status", "code", "request_id") if name not in body]
    expect(not missing, expected="all members", got=f"no {', '.join(missing)}", rule=rule, answer=answer)
    texts = [body["type"], body["title"], body.get("detail", "")]
    right = all(isinstance(text, str) for text in texts)
    expect(right, expected="texts as type, title and detail", got=texts, rule=rule, answer=answer)
    expect(
        body["status"] == status, expected=f'"status": {status}', got=body["status"], rule=rule, answer=answer
    )
    code = body["code"]
    snake_case = isinstance(code, str) and re.fullmatch(r"[a-z0-9_]+", code) is not None
    expect(snake_case, expected="a code in snake_case", got=code, rule=rule, answer=answer)
    header = answer.header("x-request-id")
    expect(
        body["request_id"] == header,
        expected=f"request_id {header}",
        got=body["request_id"],
        rule=rule,
        answer=answer,
    )
    return body


def as_object(answer: Exchange, rule: str | None = None) -> Mapping[str, object]:
    """Return the answer's JSON object, or fail the check."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    right = isinstance(body, dict)
    expect(
        right, expected="a JSON object", got=answer.text[:200] or "an empty body", rule=rule, answer=answer
    )
    return body if isinstance(body, dict) else {}


def samples(scrape: Exchange) -> dict[str, float]:
    """Return the series of a scrape with their values, or fail the check."""
    expect(scrape.status == HTTPStatus.OK, expected="200 from /metrics", got=describe_answer(scrape))
    found = {}
    for line in scrape.text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        expect(match is not None, expected="a sample: name{labels} value", got=line, answer=scrape)
        if match:
            found[match["series"]] = float(match["value"])
    return found


def is_utc(text: str) -> bool:
    """Tell whether this is a moment with the offset of UTC."""
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False
