import pytest

from service_kit.idempotency_key import idempotency_key
from service_kit.problems import ProblemError


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ([], None),
        (["k"], "k"),
        (['"k"'], "k"),
        ([" \tk "], "k"),
        (['"a b"'], "a b"),
        ([r'"a\"b\\c"'], r'a"b\c'),
        (['k"'], 'k"'),
        (["k;a=1"], "k;a=1"),
        (["~" * 255], "~" * 255),
        ([f'"{"~" * 255}"'], "~" * 255),
    ],
)
def test_a_key_is_the_same_bare_or_quoted(lines: list[str], key: str | None) -> None:
    assert idempotency_key(lines) == key


@pytest.mark.parametrize(
    "lines",
    [
        [""],
        ['""'],
        ['"k'],
        ['"'],
        ['"k";a=1'],
        [r'"a\b"'],
        ['"a"b"'],
        ["a b"],
        ["é"],
        ["\x7f"],
        ['"é"'],
        ["~" * 256],
        [f'"{"~" * 256}"'],
        ["k", "k"],
    ],
)
def test_what_is_no_key_is_refused(lines: list[str]) -> None:
    with pytest.raises(ProblemError) as refused:
        idempotency_key(lines)
    assert (refused.value.problem.status, refused.value.problem.code) == (400, "invalid_idempotency_key")
