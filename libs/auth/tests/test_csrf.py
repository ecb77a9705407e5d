"""The table of what another site may have made the browser send."""

from datetime import UTC, datetime

import pytest

from auth import CrossSiteError, CsrfGuard, Session, SettingError

ORIGIN = "https://shop.example:8443"
GUARD = CsrfGuard(ORIGIN)


def session(csrf_token: str) -> Session:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    return Session("id", "ann", now, now, now, now, csrf_token=csrf_token)


OWN, ANOTHERS = session("a" * 64), session("b" * 64)


def passes(
    fetch_site: list[str],
    origin: list[str],
    token: str | None = None,
    own: Session | None = None,
    method: str = "POST",
) -> bool:
    try:
        GUARD.check(method, fetch_site=fetch_site, origin=origin, token=token, session=own)
    except CrossSiteError:
        return False
    return True


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY", "WEBSOCKET", "post"])
@pytest.mark.parametrize(
    ("fetch_site", "origin", "allowed"),
    [
        (["same-origin"], [], True),
        (["none"], [], True),
        (["same-origin"], ["https://evil.example"], True),
        (["cross-site"], [ORIGIN], False),
        (["same-site"], [ORIGIN], False),
        (["same-origin", "cross-site"], [], False),
        (["unheard-of"], [ORIGIN], False),
        ([""], [ORIGIN], False),
        ([], [ORIGIN], True),
        ([], ["HTTPS://SHOP.example:8443"], True),
        ([], ["null"], False),
        ([], ["http://shop.example:8443"], False),
        ([], ["https://shop.example"], False),
        ([], ["https://shop.example:8444"], False),
        ([], ["https://evil.example:8443"], False),
        ([], [ORIGIN + ".evil.example"], False),
        ([], [ORIGIN + "/"], False),
        ([], [ORIGIN, ORIGIN], False),
        ([], [""], False),
        ([], ["https://sh\udcf6p.example"], False),
        ([], [], False),
    ],
)
def test_what_the_headers_say_decides(
    method: str, fetch_site: list[str], origin: list[str], allowed: bool
) -> None:
    assert passes(fetch_site, origin, method=method) is allowed
    assert passes(fetch_site, origin, "no token", OWN, method) is allowed


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_not_asked(method: str) -> None:
    assert passes(["cross-site"], ["null"], method=method)


def test_without_both_headers_the_sessions_token_is_needed() -> None:
    token = OWN.csrf_token

    assert passes([], [], token, OWN)
    assert not passes([], [], token, ANOTHERS)
    assert not passes([], [], token, None)
    assert not passes([], [], token.upper(), OWN)
    assert not passes([], [], token[:-1], OWN)
    assert not passes([], [], "", OWN)
    assert not passes([], [], "ü\udcff", OWN)
    assert not passes([], [], "", session(""))
    assert not passes([], [], token, session(""))


def test_the_token_does_not_mend_what_the_headers_refuse() -> None:
    assert not passes(["cross-site"], [], OWN.csrf_token, OWN)
    assert not passes([], ["null"], OWN.csrf_token, OWN)


@pytest.mark.parametrize(
    "origin", ["", "shop.example", "https://", "https://shop.example/", "https://a/b", "null"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(SettingError):
        CsrfGuard(origin)
