"""Rollouts: the published vectors, an even spread, and people who stay where they are."""

import mmh3
import pytest

from flags.buckets import (
    BUCKETS,
    GATE_SEED,
    VARIANT_SEED,
    bucket,
    buckets_of,
    chosen_by,
    prefix_of,
    text_of,
)

EVEN = 128.0
"""Chi-square of 100 cells: 99 degrees of freedom, exceeded by an even spread once in forty salts."""


@pytest.mark.parametrize(
    ("data", "seed", "digest"),
    [
        # Source: the test vectors of murmur3_x86_32 as Wikipedia's article and Ian Boyd's list have them.
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"", 0xFFFFFFFF, 0x81F16F39),
        (b"\x00\x00\x00\x00", 0, 0x2362F9DE),
        (b"test", 0x9747B28C, 0x704B81DC),
        (b"Hello, world!", 0x9747B28C, 0x24884CBA),
        (b"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
    ],
)
def test_the_hash_is_murmur3(data: bytes, seed: int, digest: int) -> None:
    assert mmh3.hash(data, seed, signed=False) == digest


def test_buckets_are_what_they_were_when_this_was_written() -> None:
    assert buckets_of("checkout", "user-1") == {"gate": 62160, "variant": 50781}
    assert buckets_of("checkout", "łódź-漢") == {"gate": 98146, "variant": 85235}


def test_a_separator_keeps_the_salt_apart_from_the_value() -> None:
    assert bucket(prefix_of("ab") + b"c", GATE_SEED) != bucket(prefix_of("a") + b"bc", GATE_SEED)


@pytest.mark.parametrize("seed", [GATE_SEED, VARIANT_SEED])
def test_ten_thousand_people_are_spread_evenly(seed: int) -> None:
    prefix = prefix_of("even")
    counts = [0] * 100
    for number in range(10_000):
        counts[bucket(prefix + f"user-{number}".encode(), seed) * 100 // BUCKETS] += 1
    assert sum((count - 100) ** 2 / 100 for count in counts) < EVEN


def test_two_rollouts_of_a_tenth_share_a_hundredth() -> None:
    people = [f"user-{number}".encode() for number in range(20_000)]

    def tenth(salt: str) -> set[bytes]:
        return {one for one in people if bucket(prefix_of(salt) + one, GATE_SEED) < BUCKETS // 10}

    both = len(tenth("first") & tenth("second"))
    assert 150 < both < 250


def test_the_order_of_the_rows_chooses_nothing() -> None:
    weights = [("a", 20_000), ("b", 30_000), ("c", 50_000)]
    one, other = chosen_by(weights), chosen_by(weights[::-1])
    assert all(one(b"u%d" % number) == other(b"u%d" % number) for number in range(500))


def test_a_variant_without_weight_is_nobodys() -> None:
    choose = chosen_by([("a", 0), ("b", BUCKETS), ("c", 0)])
    assert {choose(b"u%d" % number) for number in range(500)} == {"b"}


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ("", None), (7, "7"), (7.0, "7"), (7.5, None), (True, None), (2**53, None), ([], None)],
)
def test_text_and_whole_numbers_are_hashed(value: object, text: str | None) -> None:
    assert text_of(value) == text
