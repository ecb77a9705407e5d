"""The idea of a rollout: a hash decides who is in, the same everywhere and for ever.

The bucket of a value is the first of 100,000 equal parts of the hashes that its hash lies in:

    murmur3_x86_32(UTF-8(salt) 00 UTF-8(value), seed) * 100,000 >> 32

The byte 00 keeps `ab` + `c` apart from `a` + `bc`. The salt is the flag's own, so that not the same people
come first in every flag. Whether one is in is asked with one seed (the gate), and which variant one gets with
another: so a gate that widens only lets people in, and moves nobody from one variant to another.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Final

import mmh3

BUCKETS: Final = 100_000
GATE_SEED: Final = 0
VARIANT_SEED: Final = 0x9747B28C

type Chosen = Callable[[bytes], str]


def prefix_of(salt: str) -> bytes:
    """Return what stands before each value that is hashed."""
    return salt.encode() + b"\0"


def bucket(data: bytes, seed: int, digest: Callable[[bytes, int, bool], int] = mmh3.hash) -> int:
    """Return the bucket, 0 to 99,999, of a prefix and a value behind it."""
    return digest(data, seed, False) * BUCKETS >> 32  # noqa: FBT003 - mmh3's signature


def text_of(value: object) -> str | None:
    """Return what is hashed of an attribute: text, and whole numbers; None for all else."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if value == value // 1 and abs(value) < 2**53 else None


def chosen_by(weights: Iterable[tuple[str, int]]) -> Chosen:
    """Make what chooses a variant. Weights are in buckets; the order of their rows changes nothing."""
    ordered = sorted((name, weight) for name, weight in weights if weight)
    names = [name for name, _ in ordered]
    ends = list(accumulate(weight for _, weight in ordered))
    return lambda data: names[bisect_right(ends, bucket(data, VARIANT_SEED))]


def buckets_of(salt: str, value: str) -> Mapping[str, int]:
    """Return both buckets of a value, for people who want to know why."""
    data = prefix_of(salt) + value.encode()
    return {"gate": bucket(data, GATE_SEED), "variant": bucket(data, VARIANT_SEED)}
