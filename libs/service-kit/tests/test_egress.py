import socket
from ipaddress import ip_address

import httpx
import pytest

from service_kit.egress import EgressGuard, RefusedDestinationError, is_public

STRICT = EgressGuard(allow_private=False)
LENIENT = EgressGuard(allow_private=True)

PRIVATE_HOSTS = [
    "127.0.0.1",
    "127.8.9.10",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "127.0.0.1.",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fec0::1]",
    "[ff02::1]",
    "192.0.0.9",
    "192.88.99.1",
    "168.63.129.16",
    "2822734096",
    "[3fff::1]",
    "[3fff:fff:ffff::1]",
    "[2001:20::1]",
    "[2001:db8::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "printer.local",
    "metadata.google.internal",
    "router.home.arpa",
]
PUBLIC_HOSTS = [
    "8.8.8.8",
    "172.32.0.1",
    "168.63.129.17",
    "[3fff:1000::1]",
    "[2606:4700::1111]",
    "example.com",
    "localhost.example.com",
    "mylocal",
]
INVALID_URLS = [
    ("ftp://example.com/", "unsupported_scheme"),
    ("file:///etc/passwd", "unsupported_scheme"),
    ("gopher://example.com/", "unsupported_scheme"),
    ("javascript:alert(1)", "unsupported_scheme"),
    ("//example.com/", "unsupported_scheme"),
    ("example.com/hook", "unsupported_scheme"),
    ("http:example.com", "invalid_url"),
    ("http://", "invalid_url"),
    ("http:///path", "invalid_url"),
    ("http://:80/", "invalid_url"),
    ("http://example.com:0/", "invalid_url"),
    ("http://example.com:65536/", "invalid_url"),
    ("http://exa mple.com/", "invalid_url"),
    ("http://exa%6dple.com/", "invalid_url"),
    ("http://example.com/\n", "invalid_url"),
    ("http://[fe80::1%25eth0]/", "invalid_url"),
    ("http://\uff11\uff12\uff17.0.0.1/", "invalid_url"),
    ("http://0177.0.0.1/", "invalid_url"),
    ("http://user@example.com/", "credentials_in_url"),
    ("http://user:password@example.com/", "credentials_in_url"),
    ("http://@example.com/", "credentials_in_url"),
    ("http://example.com\\@127.0.0.1/", "credentials_in_url"),
    ("http://example.com/" + "a" * 2048, "url_too_long"),
]


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(RefusedDestinationError) as refused:
        STRICT.check(f"http://{host}:8080/hook")
    assert refused.value.code == "private_address"


@pytest.mark.parametrize("host", PUBLIC_HOSTS)
def test_a_public_address_or_a_name_is_taken(host: str) -> None:
    assert STRICT.check(f"https://{host}/hook?a=@b#c@d").scheme == "https"


@pytest.mark.parametrize(("url", "code"), INVALID_URLS)
@pytest.mark.parametrize("guard", [STRICT, LENIENT])
def test_what_is_no_url_of_a_host_is_refused_whatever_is_allowed(
    guard: EgressGuard, url: str, code: str
) -> None:
    with pytest.raises(RefusedDestinationError) as refused:
        guard.check(url)
    assert refused.value.code == code


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "localhost"])
def test_private_addresses_can_be_allowed(host: str) -> None:
    assert LENIENT.check(f"http://{host}:8080/hook").port == 8080


@pytest.mark.parametrize(
    ("address", "public"),
    [("1.1.1.1", True), ("2606:4700::1111", True), ("2001::1", False), ("::1", False)],
)
def test_public_means_plainly_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


def resolving_to(*addresses: str) -> object:
    def getaddrinfo(_host: str, port: int | None, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


@pytest.mark.anyio
async def test_a_name_is_checked_by_what_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("8.8.8.8", "8.8.4.4", "8.8.8.8"))
    addresses = await STRICT.resolve(httpx.URL("http://hook.example/"))
    assert addresses == [ip_address("8.8.8.8"), ip_address("8.8.4.4")]


@pytest.mark.anyio
async def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("8.8.8.8", "127.0.0.1"))
    with pytest.raises(RefusedDestinationError):
        await STRICT.resolve(httpx.URL("http://hook.example/"))


@pytest.mark.anyio
async def test_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert await STRICT.resolve(httpx.URL("http://8.8.8.8/")) == [ip_address("8.8.8.8")]
    with pytest.raises(RefusedDestinationError):
        await STRICT.resolve(httpx.URL("http://127.1/"))
