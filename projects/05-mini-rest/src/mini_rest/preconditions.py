"""ETags: a version of a task as HTTP writes it, and what If-Match and If-None-Match say of versions."""

import re
from typing import Final

from mini_rest.domain import Expected

ENTITY_TAG: Final = re.compile(r'(?P<weak>W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\xff]*)"')
VERSION: Final = re.compile(r"[1-9][0-9]{0,9}")


def entity_tag(version: int) -> str:
    return f'"{version}"'


def expected_by(if_match: list[str]) -> Expected | None:
    """Return the versions that a change is meant for; None without the header.

    Compared strongly: a weak tag may stand for a representation that only looks alike, and matches none.
    Source: RFC 9110, section 13.1.1.
    """
    if not if_match:
        return None
    text = ",".join(if_match)
    if text.strip() == "*":
        return Expected(None)
    strong = [tag["opaque"] for tag in ENTITY_TAG.finditer(text) if tag["weak"] is None]
    return Expected(frozenset(int(opaque) for opaque in strong if VERSION.fullmatch(opaque)))


def is_known(version: int, if_none_match: list[str]) -> bool:
    """Say whether the caller has this version already. Compared weakly: RFC 9110, section 13.1.2."""
    text = ",".join(if_none_match)
    return text.strip() == "*" or any(tag["opaque"] == str(version) for tag in ENTITY_TAG.finditer(text))
