import pytest

from backup.access import Operator
from backup.errors import UnauthenticatedError

TOKEN = "the-operator-of-these-tests"


@pytest.mark.parametrize("line", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN}"])
def test_the_operator_passes_with_the_scheme_in_any_case(line: str) -> None:
    Operator(TOKEN).check([line])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        [TOKEN],
        [f"Basic {TOKEN}"],
        [f"Bearer {TOKEN[:-1]}"],
        [f"Bearer {TOKEN}s"],
        [f"Bearer {TOKEN} "],
        [f"Bearer {TOKEN}"] * 2,
    ],
)
def test_whoever_else_is_told_whether_a_token_came(lines: list[str]) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        Operator(TOKEN).check(lines)
    assert refused.value.was_sent == bool(lines)
