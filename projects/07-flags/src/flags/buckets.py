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

type Bucketed = Callable[[str], int]


def bucket_of(salt: str, seed: int) -> Bucketed:
    """Make what finds the bucket of a value, 0 to 99,999."""
    prefix = salt.encode() + b"\0"
    digest = mmh3.hash

    def bucket(value: str) -> int:
        return digest(prefix + value.encode(), seed, False) * BUCKETS >> 32  # noqa: FBT003 - mmh3's signature

    return bucket


def text_of(value: object) -> str | None:
    """Return what is hashed of an attribute: text, and whole numbers; None for all else."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if value == value // 1 and abs(value) < 2**53 else None


def chosen_by(salt: str, weights: Iterable[tuple[str, int]]) -> Callable[[str], str]:
    """Make what chooses a variant. Weights are in buckets; the order of their rows changes nothing."""
    ordered = sorted((name, weight) for name, weight in weights if weight)
    names = [name for name, _ in ordered]
    ends = list(accumulate(weight for _, weight in ordered))
    bucket = bucket_of(salt, VARIANT_SEED)
    return lambda value: names[bisect_right(ends, bucket(value))]


def buckets_of(salt: str, value: str) -> Mapping[str, int]:
    """Return both buckets of a value, for people who want to know why."""
    return {"gate": bucket_of(salt, GATE_SEED)(value), "variant": bucket_of(salt, VARIANT_SEED)(value)}
