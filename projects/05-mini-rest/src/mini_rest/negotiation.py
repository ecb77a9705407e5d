"""What a request must be like to be understood: its Host, its length, its Accept and its Content-Type."""

import re
from typing import Final, TypeIs

from litestar.enums import ScopeType
from litestar.types import HTTPScope, Scope

from mini_rest.problems import HttpError

# Source: RFC 3986, section 3.2.2.
HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(?::[0-9]*)?")
WEIGHT: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def is_http(scope: Scope) -> TypeIs[HTTPScope]:
    return scope["type"] == ScopeType.HTTP


def lines(scope: Scope, name: str) -> list[str]:
    """Return the values of a header, one for each of its lines."""
    wanted = name.lower().encode()
    return [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]


def check_host(scope: HTTPScope) -> None:
    """Raises: HttpError of 400 unless there is one Host, as HTTP/1.1 demands."""
    hosts = lines(scope, "Host")
    if scope["http_version"] == "1.0" and not hosts:
        return
    if len(hosts) != 1 or not hosts[0] or not HOST.fullmatch(hosts[0]):
        raise HttpError(400, "There must be one Host.")


def check_length(scope: HTTPScope, limit_bytes: int) -> None:
    """Raises: HttpError of 400 for a length that is no number, of 413 for one above the limit.

    And of 400 for a transfer coding beside chunked, without which what is compressed looks plain.
    """
    if any(coding.strip(" \t,").lower() != "chunked" for coding in lines(scope, "Transfer-Encoding")):
        raise HttpError(400, "Of transfer codings there may be chunked, once.")
    for length in lines(scope, "Content-Length"):
        if not (length.isascii() and length.isdigit()):
            raise HttpError(400, "Content-Length is not a number.")
        if int(length) > limit_bytes:
            raise HttpError(413, f"A body may have {limit_bytes} bytes at most.")


def check_accept(scope: HTTPScope, media_type: str) -> None:
    """Raises: HttpError of 406 if the answer's type is not acceptable. Errors are problems, whatever is."""
    accepted = ",".join(lines(scope, "Accept"))
    if accepted and weight_of(media_type, accepted) == 0:
        raise HttpError(406, f"The answer is {media_type}.")


def weight_of(media_type: str, accepted: str) -> float:
    """Return the weight of the most specific range that matches. Source: RFC 9110, section 12.5.1."""
    ranges: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
        if "/" in media_range and all(WEIGHT.fullmatch(text) for text in weights):
            ranges[media_range] = float(weights[0]) if weights else 1.0
    if not ranges:
        return 1.0
    kind = media_type.partition("/")[0]
    return next((ranges[one] for one in (media_type, f"{kind}/*", "*/*") if one in ranges), 0.0)


def check_content_type(scope: HTTPScope, media_type: str, refusal: dict[str, str]) -> None:
    """Raises: HttpError of 415, with these headers, unless the body is of this type, in UTF-8 and bare."""
    types = lines(scope, "Content-Type")
    sent, *parameters = (part.strip().lower() for part in types[0].split(";")) if len(types) == 1 else [""]
    charsets = [text[8:].strip('"') for text in parameters if text.startswith("charset=")]
    coded = [text for text in lines(scope, "Content-Encoding") if text.strip().lower() != "identity"]
    if sent != media_type or any(charset not in {"utf-8", "utf8"} for charset in charsets) or coded:
        raise HttpError(415, f"The body must be {media_type}, in UTF-8 and not compressed.", refusal)
