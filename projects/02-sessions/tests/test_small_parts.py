"""What needs no store: cookies, origins, addresses, e-mails, the hashing pool."""

import asyncio

import pytest

from sessions.client_address import client_address
from sessions.cookies import presented
from sessions.csrf import Sender, is_token_of, sender_of, token_of
from sessions.domain import is_email
from sessions.errors import TooManyLoginsError
from sessions.hashing_pool import HashingPool

ORIGIN = "https://app.example"


def test_all_cookies_of_the_name_are_read_in_their_order() -> None:
    headers = [(b"cookie", b"a=1; __Host-session=x; __Host-session2=z"), (b"cookie", b"__Host-session=y")]
    assert presented(headers) == ["x", "y"]


@pytest.mark.parametrize(
    ("fetch_site", "origin", "sender"),
    [
        (["same-origin"], ["https://evil.example"], Sender.OURS),
        (["same-origin", "cross-site"], [], Sender.OTHERS),
        (["same-site"], [ORIGIN], Sender.OTHERS),
        ([], [ORIGIN], Sender.OURS),
        ([], [ORIGIN, "null"], Sender.OTHERS),
        ([], [], Sender.UNKNOWN),
    ],
)
def test_fetch_metadata_decides_before_the_origin(
    fetch_site: list[str], origin: list[str], sender: Sender
) -> None:
    assert sender_of(fetch_site, origin, ORIGIN) is sender


def test_a_token_is_of_one_session() -> None:
    assert is_token_of("secret", token_of("secret"))
    assert not is_token_of("another", token_of("secret"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "address"),
    [
        ("192.0.2.1", ["203.0.113.9"], 0, "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1, 203.0.113.9"], 1, "203.0.113.9"),
        ("192.0.2.1", ["198.51.100.1", "203.0.113.9"], 2, "198.51.100.1"),
        ("192.0.2.1", ["203.0.113.9"], 2, "192.0.2.1"),
        ("192.0.2.1", ["unknown"], 1, "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9:8443"], 1, "203.0.113.9"),
        ("192.0.2.1", ["[2001:db8:1:2::3]:8443"], 1, "2001:db8:1:2::"),
        ("192.0.2.1", ["[2001:db8:1:2::3]"], 1, "2001:db8:1:2::"),
        ("192.0.2.1", ["2001:db8:1:2::3:8443"], 1, "2001:db8:1:2::"),
        ("192.0.2.1", ["203.0.113.9:", "203.0.113.9:port"], 1, "192.0.2.1"),
        ("192.0.2.1", ["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", [], 0, "192.0.2.1"),
    ],
)
def test_the_address_is_the_one_that_a_trusted_proxy_saw(
    peer: str, forwarded: list[str], hops: int, address: str
) -> None:
    assert client_address(peer, forwarded, hops) == address


@pytest.mark.parametrize("email", ["a@b", "Ann.O'Neil+x@mail.example.org", "a" * 64 + "@example.org"])
def test_what_browsers_take_for_an_email_is_one(email: str) -> None:
    assert is_email(email)


@pytest.mark.parametrize("email", ["", "a", "a@", "@b", "a@b\n", "a b@c", "a@-b", "a@b..c", "a" * 65 + "@b"])
def test_all_else_is_none(email: str) -> None:
    assert not is_email(email)


def test_who_comes_when_the_queue_is_full_is_refused_at_once() -> None:
    async def crowd() -> list[str]:
        pool = HashingPool(concurrency=1, queue=1)
        done = asyncio.Event()

        async def come() -> str:
            try:
                async with pool.slot():
                    await done.wait()
                    return await pool.run(str.upper, "served")
            except TooManyLoginsError:
                return "refused"

        coming = [asyncio.create_task(come()) for _ in range(4)]
        await asyncio.sleep(0.01)
        done.set()
        served = await asyncio.gather(*coming)
        pool.close()
        return served

    assert asyncio.run(crowd()) == ["SERVED", "SERVED", "refused", "refused"]
