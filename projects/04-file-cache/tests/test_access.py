from base64 import b64encode

import pytest

from file_cache.access import READ, UNTRUSTED, WRITE, Access, Gate
from file_cache.errors import ForbiddenError, UnauthenticatedError


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def gate(anonymous: Access | None = None) -> Gate:
    return Gate(["a-token-to-read", "r2"], ["to-write=="], ["untrusted"], anonymous)


@pytest.mark.parametrize(
    ("line", "access"),
    [
        ("Bearer a-token-to-read", READ),
        ("bearer  r2", READ),
        ("BEARER to-write==", WRITE),
        (basic("me:to-write=="), WRITE),
        (basic(":untrusted"), UNTRUSTED),
    ],
)
def test_a_token_is_known_in_each_way(line: str, access: Access) -> None:
    assert gate().access([line]) == access
    assert gate(READ).access([line]) == access


@pytest.mark.parametrize(
    "lines",
    [
        ["Bearer r"],
        ["Bearer R2"],
        ["Bearer "],
        ["r2"],
        ["Token r2"],
        [basic("r2")],
        [basic("r2:")],
        [basic("x:y:r2")],
        ["Basic !"],
        ["Basic /w=="],
        ["Bearer r2", "Bearer r2"],
    ],
)
def test_what_is_not_known_is_refused(lines: list[str]) -> None:
    for anonymous in (None, READ, WRITE):
        with pytest.raises(UnauthenticatedError):
            gate(anonymous).access(lines)


def test_without_a_token_so_much_may_be_done() -> None:
    access = gate(READ).access([])
    assert access.reads == READ.reads
    with pytest.raises(UnauthenticatedError):
        access.written_scope()
    with pytest.raises(UnauthenticatedError):
        gate().access([])


def test_where_there_is_none_none_is_looked_at() -> None:
    access = Gate([], [], [], WRITE).access(["Bearer of-somebody-else"])
    assert access.written_scope() == WRITE.writes


def test_who_may_change_what() -> None:
    for access in (READ, UNTRUSTED):
        with pytest.raises(ForbiddenError):
            access.check_everywhere()
    with pytest.raises(ForbiddenError):
        READ.written_scope()
    WRITE.check_everywhere()
