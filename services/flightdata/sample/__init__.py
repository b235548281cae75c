"""The sample timetable: invented flights of real carriers between real airports, labelled as sample.

Its random numbers are reproducible: each is a hash of a seed and a name, so no generator has a state.
"""

from __future__ import annotations

from hashlib import blake2b


def number(seed: str, *parts: object) -> int:
    """Return a 64-bit number that depends only on the seed and the parts."""
    text = "\x1f".join((seed, *map(str, parts)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def unit(seed: str, *parts: object) -> float:
    """Return a number in [0, 1) that depends only on the seed and the parts."""
    return (number(seed, *parts) >> 11) / (1 << 53)
