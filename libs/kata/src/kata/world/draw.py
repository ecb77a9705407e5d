"""Everything that a verification draws at random, from one seed that can be printed and replayed."""

import re
import secrets
import string
from collections.abc import Callable, Hashable, Iterable, Sequence
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from random import Random
from uuid import UUID

from kata.errors import UsageError
from kata.system.ports import is_free

# So large that clients of different checks, each with a fork of its own, do not meet at one address: with the
# 254 of a documentation range they did, in one run of fifty.
_PRIVATE_V4 = [IPv4Network("10.0.0.0/8"), IPv4Network("100.64.0.0/10"), IPv4Network("172.16.0.0/12")]
_NETWORKS_V6 = [IPv6Network("2a00::/12"), IPv6Network("2600::/12"), IPv6Network("fd00::/8")]

# No f, c, k or g, and a vowel after every consonant: what a person reads in a report is at worst silly.
_CONSONANTS = "bdlmnprstvz"
_VOWELS = "aeiou"

# Of one pattern alone, a solution could tell the verifier's names from those that people choose.
_NOUNS = ("bridge", "copper", "forest", "garden", "market", "order", "parcel", "shop")
_BEGINNINGS = ("", "", "a", "e", "o")
_ENDINGS = ("", "", "n", "rs", "st", "x")

# Below the range that Linux and macOS hand out by themselves, so that no outgoing connection takes the port.
_FIRST_PORT, _LAST_PORT = 20_000, 29_999


class Draw:
    """A stream of random values that the seed, and nothing else, determines.

    Checks run in any order, so each takes a `fork` of its own. Words, addresses and ids never come twice from
    one Draw: two clients that are meant to differ do.
    """

    def __init__(self, seed: str | None = None) -> None:
        """Take a seed of 4 to 8 hex digits, or make one up.

        Raises:
            UsageError: the seed is something else.

        """
        self.seed = secrets.token_hex(3) if seed is None else seed.lower()
        if not re.fullmatch(r"[0-9a-f]{4,8}", self.seed):
            raise UsageError(f"a seed is 4 to 8 hex digits, such as 91c2, and not {seed!r}")
        self._path = self.seed
        self._begin()

    def _begin(self) -> None:
        digest = sha256(self._path.encode()).digest()
        self._random = Random(int.from_bytes(digest))  # noqa: S311 - it has to be reproducible
        self._given: set[object] = set()

    def fork(self, name: str) -> "Draw":
        """Return an independent stream, whatever was drawn before: only the seed and the names decide."""
        child = Draw(self.seed)
        # The length keeps fork("a").fork("b/c") apart from fork("a/b").fork("c").
        child._path = f"{self._path}/{len(name)}:{name}"
        child._begin()
        return child

    def integer(self, low: int, high: int, away_from: Iterable[int] = ()) -> int:
        """Draw from low to high, both included, at least 25 % away from each of the given numbers.

        Raises:
            ValueError: no number is left.

        """
        avoided = list(away_from)
        ranges = [(low, high)] if low <= high else []
        for number in avoided:
            ranges = [part for whole in ranges for part in _without(whole, number)]
        count = sum(last - first + 1 for first, last in ranges)
        if not count:
            raise ValueError(f"no integer from {low} to {high} is 25 % away from each of {avoided}")
        position = self._random.randrange(count)
        for first, last in ranges:
            if position <= last - first:
                return first + position
            position -= last - first + 1
        raise AssertionError("the position lies within the ranges")

    def choice[T](self, options: Sequence[T]) -> T:
        """Draw one of the options.

        Raises:
            ValueError: there are none.

        """
        if not options:
            raise ValueError("there is nothing to choose from")
        return options[self._random.randrange(len(options))]

    def shuffle[T](self, items: Iterable[T]) -> list[T]:
        """Return the items in another order; the given ones stay as they are."""
        shuffled = list(items)
        self._random.shuffle(shuffled)
        return shuffled

    def word(self) -> str:
        """Draw six to twelve lower-case letters that can be read aloud."""
        return self._fresh(self._word)

    def _word(self) -> str:
        is_noun = self.choice([True, False, False])
        beginning = self.choice(_NOUNS if is_noun else _BEGINNINGS)
        count = 2 if is_noun else self.integer(3, 4)
        syllables = [self.choice(_CONSONANTS) + self.choice(_VOWELS) for _ in range(count)]
        return "".join([beginning, *syllables, self.choice(_ENDINGS)])

    def text(self, length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        """Draw exactly `length` characters."""
        return "".join(self.choice(alphabet) for _ in range(length))

    def address(self) -> str:
        """Draw an address of either family."""
        return self.choice([self.address_v4, self.address_v6])()

    def address_v4(self) -> str:
        """Draw a public address, or one from a private or a shared range (RFC 1918, RFC 6598)."""
        return self._fresh(self.choice([self._public_v4, self._private_v4]))

    def _public_v4(self) -> str:
        while not (address := IPv4Address(self._random.getrandbits(32))).is_global or address.is_multicast:
            pass
        return str(address)

    def _private_v4(self) -> str:
        network = self.choice(_PRIVATE_V4)
        offset = self._random.randrange(1, network.num_addresses - 1)  # neither the network nor its broadcast
        return str(IPv4Address(int(network.network_address) + offset))

    def address_v6(self) -> str:
        """Draw a public or a private address, each in a /64 of its own."""
        network = self.choice(_NETWORKS_V6)
        subnet = self._fresh(lambda: self._random.randrange(network.num_addresses >> 64))
        host = self._random.randrange(1, 1 << 64)
        return str(IPv6Address(int(network.network_address) + (subnet << 64) + host))

    def uuid(self) -> UUID:
        """Draw a random (version 4) UUID."""
        return UUID(int=self._random.getrandbits(128), version=4)

    def port(self, host: str = "127.0.0.1") -> int:
        """Draw a port that is free now; one that is taken is passed over.

        Raises:
            ValueError: none was found.

        """
        for _ in range(_LAST_PORT - _FIRST_PORT):
            port = self._random.randint(_FIRST_PORT, _LAST_PORT)
            if port not in self._given and is_free(host, port):
                self._given.add(port)
                return port
        raise ValueError(f"no port from {_FIRST_PORT} to {_LAST_PORT} is free on {host}")

    def _fresh[T: Hashable](self, make: Callable[[], T]) -> T:
        # Every caller draws from a set of tens of thousands or more, so this ends at once.
        while (value := make()) in self._given:
            pass
        self._given.add(value)
        return value


def _without(whole: tuple[int, int], number: int) -> list[tuple[int, int]]:
    """Return what is left of the range without the integers nearer to the number than a quarter of it."""
    first, last = whole
    quarters, margin = 4 * number, abs(number)
    nearest_below = min((quarters - margin) // 4, number - 1)
    nearest_above = max(-(-(quarters + margin) // 4), number + 1)
    parts = [(first, min(last, nearest_below)), (max(first, nearest_above), last)]
    return [(low, high) for low, high in parts if low <= high]
