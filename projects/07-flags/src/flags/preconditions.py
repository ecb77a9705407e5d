"""ETags of documents, which are their versions, and what If-Match says of them."""

import re
from typing import Final

from flags.errors import PreconditionRequiredError

ENTITY_TAG: Final = re.compile(r'(?P<weak>W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\xff]*)"')
VERSION: Final = re.compile(r"[1-9][0-9]{0,17}")


def entity_tag(version: int) -> str:
    return f'"{version}"'


def expected_by(if_match: list[str]) -> frozenset[int] | None:
    """Return the versions that a change is meant for, None for any: `*`.

    Compared strongly: a weak tag matches none. Source: RFC 9110, section 13.1.1.
    Raises: PreconditionRequiredError.
    """
    if not if_match:
        raise PreconditionRequiredError
    text = ",".join(if_match)
    if text.strip() == "*":
        return None
    strong = [tag["opaque"] for tag in ENTITY_TAG.finditer(text) if tag["weak"] is None]
    return frozenset(int(opaque) for opaque in strong if VERSION.fullmatch(opaque))
