"""murmur3_x86_32, and the buckets that the contract makes of it, written from its description."""

MASK = 0xFFFFFFFF
BUCKETS = 100_000
GATE_SEED = 0
VARIANT_SEED = 0x9747B28C


def rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & MASK


def mixed(block: int) -> int:
    return rotated(block * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK


def murmur3(data: bytes, seed: int) -> int:
    digest, whole = seed, len(data) // 4 * 4
    for place in range(0, whole, 4):
        digest ^= mixed(int.from_bytes(data[place : place + 4], "little"))
        digest = (rotated(digest, 13) * 5 + 0xE6546B64) & MASK
    if len(data) > whole:
        digest ^= mixed(int.from_bytes(data[whole:], "little"))
    digest ^= len(data)
    digest = (digest ^ digest >> 16) * 0x85EBCA6B & MASK
    digest = (digest ^ digest >> 13) * 0xC2B2AE35 & MASK
    return digest ^ digest >> 16


def bucket(salt: str, value: str, seed: int = GATE_SEED) -> int:
    return murmur3(salt.encode() + b"\0" + value.encode(), seed) * BUCKETS >> 32


def variant(salt: str, value: str, weights: dict[str, float]) -> str:
    """Return the variant of a split whose weights are in percent."""
    place = bucket(salt, value, VARIANT_SEED)
    for name, weight in sorted(weights.items()):
        place -= round(weight * 1000)
        if place < 0:
            return name
    raise AssertionError("the weights are 100 together")
