import asyncio
from ipaddress import ip_address

import httpx
import pytest

from service_kit.egress import EgressGuard, RefusedDestinationError, is_public

GUARD = EgressGuard(allow_private=False)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "LOCALHOST.",
        ),
        *("[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[fd00::1]", "printer.local", "a.internal"),
    ],
)
def test_a_host_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(RefusedDestinationError):
        GUARD.check(f"http://{host}/")


@pytest.mark.parametrize("url", ["https://example.com/a?b=c", "http://8.8.8.8:8080/", "https://[2600::1]/"])
def test_a_public_one_is_taken(url: str) -> None:
    assert GUARD.check(url).host


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "http://",
        "http://u:p@example.com/",
        "http://example.com:0/",
        "x" * 3000,
        "nowhere",
    ],
)
def test_what_is_no_url_with_a_host_is_refused(url: str) -> None:
    with pytest.raises(RefusedDestinationError):
        GUARD.check(url)


def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_called() -> None:
    with pytest.raises(RefusedDestinationError):
        asyncio.run(GUARD.resolve(httpx.URL("http://localhost/")))


def test_addresses_that_stand_for_another_one_are_not_public() -> None:
    assert not any(is_public(ip_address(text)) for text in ("2002:a00:1::", "::8.8.8.8", "192.88.99.1"))
