"""One answer of each contestant before it is measured: that they do the same work is not taken on trust."""

import http.client
import json
from collections.abc import Mapping
from typing import NamedTuple

from kata.bench.load import Request
from kata.system.ports import HOST

_TIMEOUT_SECONDS = 10.0


class Answer(NamedTuple):
    """What came back: its headers by their names in small letters, and its JSON."""

    headers: Mapping[str, str]
    document: object


def answer_of(port: int, request: Request) -> Answer:
    """Send a request once. Raises SystemExit: the answer is not the expected one."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(request.method, request.path, request.body or None, dict(request.headers))
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if request.status not in {None, answer.status}:
        raise SystemExit(
            f"{request.method} {request.path}: {answer.status} {body[:200].decode(errors='replace')}"
        )
    return Answer({name.lower(): value for name, value in answer.getheaders()}, json.loads(body))


def check_alike(documents: Mapping[str, object]) -> None:
    """Compare what contestants answer. Raises SystemExit: two of them differ."""
    (one, expected), *others = documents.items()
    for other, document in others:
        if document != expected:
            raise SystemExit(f"{one} answers {expected}\n{other} answers {document}")
