import pytest

from service_kit.bearer import Operator, UnauthenticatedError, challenge

TOKEN = "the-operator-of-these-tests"


@pytest.mark.parametrize("line", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}"])
def test_the_operator_passes_with_the_scheme_in_any_case(line: str) -> None:
    Operator(TOKEN).check([line])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        [TOKEN],
        [f"Bearer {TOKEN} "],
        [f"Basic {TOKEN}"],
        [f"Bearer {TOKEN[:-1]}"],
        [f"Bearer {TOKEN}x"],
        [f"Bearer {TOKEN.upper()}"],
        ["Bearer "],
        [f"Bearer{TOKEN}"],
        [f"Bearer {TOKEN}, Bearer {TOKEN}"],
        [f"Bearer {TOKEN}"] * 2,
        ["Bearer \xff\xe9"],
    ],
)
def test_all_others_are_refused(lines: list[str]) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        Operator(TOKEN).check(lines)
    assert refused.value.was_sent == bool(lines)


def test_the_challenge_says_whether_what_was_shown_is_wrong() -> None:
    told = challenge("tests")
    assert told(UnauthenticatedError(was_sent=False)) == {"WWW-Authenticate": 'Bearer realm="tests"'}
    wrong = 'Bearer realm="tests", error="invalid_token"'
    assert told(UnauthenticatedError(was_sent=True)) == {"WWW-Authenticate": wrong}
