"""The sample timetable: invented flights of real carriers between real airports, labelled as sample.

Its random numbers are reproducible: a hash of a seed and a name, without a generator's state.
"""

from __future__ import annotations

from hashlib import blake2b


def number(seed: str, *parts: object) -> int:
    """Return 64 bits determined by the seed and the parts."""
    text = "\x1f".join((seed, *map(str, parts)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def unit(seed: str, *parts: object) -> float:
    """Return a number in [0, 1) determined by the seed and the parts."""
    return (number(seed, *parts) >> 11) / (1 << 53)
