import pytest

from throttler.client_address import Access, Client, ClientIdentifier, Networks, parse_networks

PEER = "10.0.0.9"


def key(trusted_hops: int, forwarded_for: str | None, peer: str = PEER) -> str:
    return ClientIdentifier(trusted_hops, Networks()).identify(peer, forwarded_for).key


@pytest.mark.parametrize("forwarded_for", [None, "", "192.0.2.1", "192.0.2.1, 192.0.2.2"])
def test_without_trusted_proxies_the_header_changes_nothing(forwarded_for: str | None) -> None:
    assert key(0, forwarded_for) == PEER


@pytest.mark.parametrize(("trusted_hops", "expected"), [(1, "192.0.2.3"), (2, "192.0.2.2"), (3, "192.0.2.1")])
def test_the_client_is_the_entry_that_the_first_trusted_proxy_wrote(trusted_hops: int, expected: str) -> None:
    assert key(trusted_hops, "192.0.2.1,  192.0.2.2 , 192.0.2.3") == expected


def test_what_the_client_wrote_itself_is_not_looked_at() -> None:
    assert key(1, "203.0.113.66, 192.0.2.3") == "192.0.2.3"
    assert key(1, "nonsense, , 192.0.2.3") == "192.0.2.3"


@pytest.mark.parametrize(
    "forwarded_for",
    [
        None,
        "",
        "192.0.2.1",
        "unknown, 192.0.2.1",
        ", 192.0.2.1",
        "192.0.2.1:http, 192.0.2.2",
        "2001:db8::1]:80, 192.0.2.2",
        "_hidden, 192.0.2.1",
    ],
)
def test_with_too_few_entries_or_no_address_there_the_peer_is_the_client(
    forwarded_for: str | None,
) -> None:
    assert key(2, forwarded_for) == PEER


@pytest.mark.parametrize("entry", ["192.0.2.1:8080", "[::ffff:192.0.2.1]:8080", "[::ffff:192.0.2.1]"])
def test_the_port_of_a_connection_is_no_part_of_its_address(entry: str) -> None:
    assert key(1, entry) == "192.0.2.1"


def test_ipv4_inside_ipv6_is_the_ipv4_client() -> None:
    assert key(1, "::ffff:192.0.2.1") == key(0, None, peer="192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:0::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_an_ipv6_client_is_its_network_of_64_bits(address: str, expected: str) -> None:
    assert key(1, address) == expected


def test_a_peer_that_is_no_address_is_still_one_client() -> None:
    assert ClientIdentifier(0, Networks()).identify("unix:", None) == Client("unix:", Access.LIMITED)


@pytest.mark.parametrize(
    ("address", "access"),
    [
        ("192.0.2.77", Access.DENIED),
        ("198.51.100.1", Access.ALLOWED),
        ("198.51.100.66", Access.DENIED),
        ("2001:db8::5", Access.ALLOWED),
        ("203.0.113.1", Access.LIMITED),
    ],
)
def test_lists_of_networks_allow_and_deny_and_deny_has_the_last_word(address: str, access: Access) -> None:
    networks = Networks(
        allow=parse_networks("198.51.100.0/24, 2001:db8::/32"),
        deny=parse_networks("192.0.2.0/24,198.51.100.66"),
    )
    assert ClientIdentifier(1, networks).identify(PEER, address).access is access


@pytest.mark.parametrize("text", ["", " ", ","])
def test_an_empty_list_is_empty(text: str) -> None:
    assert parse_networks(text) == ()


@pytest.mark.parametrize("text", ["192.0.2.0/33", "example.com", "192.0.2.1/24"])
def test_an_entry_that_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_networks(f"10.0.0.0/8,{text}")
