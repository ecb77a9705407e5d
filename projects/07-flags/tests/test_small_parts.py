"""ETags, tokens, credentials: the small parts that a mistake would open."""

import pytest

from flags.errors import PreconditionRequiredError, UnauthorizedError
from flags.guards import bearer_tokens, name_of, presented_keys
from flags.keys import ApiKey, digest_of
from flags.ofrep import etag_of, is_known
from flags.preconditions import expected_by
from flags.streams import StreamTokens
from service_kit.json_text import as_mapping

KEY = ApiKey(id="0192f3a0-7c5e-7d11-9a3b-5f2e8c1d4b60", name="shop", kind="server", sha256=digest_of("s"))


@pytest.mark.parametrize(
    ("lines", "versions"),
    [
        (['"3"'], {3}),
        (['"3", "x" ,"5"'], {3, 5}),
        (['W/"3"'], set()),
        (["3"], set()),
        (['"03"'], set()),
        (["*"], None),
    ],
)
def test_if_match_names_versions(lines: list[str], versions: set[int] | None) -> None:
    assert expected_by(lines) == versions


def test_without_if_match_nothing_is_changed() -> None:
    with pytest.raises(PreconditionRequiredError):
        expected_by([])


def test_an_etag_is_over_the_context_in_any_order() -> None:
    one = etag_of("t", 1, {"a": 1, "b": {"c": 2, "d": 3}}, [b"x"])
    assert one == etag_of("t", 1, {"b": {"d": 3, "c": 2}, "a": 1}, [b"x"])
    others = [
        ("u", 1, {"a": 1}, b"x"),
        ("t", 2, {"a": 1}, b"x"),
        ("t", 1, {"a": 2}, b"x"),
        ("t", 1, {"a": 1}, b"y"),
    ]
    tags = {etag_of(tag, period, context, [fragment]) for tag, period, context, fragment in others}
    assert len(tags | {etag_of("t", 1, {"a": 1}, [b"x"])}) == 5


@pytest.mark.parametrize("lines", [['W/"a"'], ['"a"'], ['"b", W/"a"'], ['"b"', '"a"'], ["*"]])
def test_an_etag_is_known_however_it_is_listed(lines: list[str]) -> None:
    assert is_known('W/"a"', lines)
    assert not is_known('W/"c"', [line for line in lines if line != "*"])


def test_a_token_is_good_for_one_to_two_periods() -> None:
    tokens = StreamTokens(100.0)
    uri = str(as_mapping(tokens.announcement(KEY, "e.1.0", 1050.0)["endpoint"])["requestUri"])
    token = uri.partition("token=")[2].partition("&")[0]
    assert uri.endswith("&since=e.1.0")
    assert tokens.key_id(token, 1199.0)[0] == KEY.id
    with pytest.raises(UnauthorizedError):
        tokens.key_id(token, 1202.0)
    with pytest.raises(UnauthorizedError):
        tokens.key_id(token + "x", 1050.0)


def test_another_scheme_is_no_token() -> None:
    headers = [(b"Authorization", b"Basic abc"), (b"authorization", b"BEARER x"), (b"x-api-key", b"y")]
    assert bearer_tokens(headers) == ["", "x"]
    assert presented_keys(headers) == ["", "x", "y"]


def test_a_token_is_compared_in_full() -> None:
    admins = {"x" * 16: "ann"}
    assert name_of("x" * 16, admins) == "ann"
    assert name_of("x" * 15, admins) is None
    assert name_of("", admins) is None
