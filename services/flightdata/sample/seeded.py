"""Choices that are the same on every machine and in every run: a keyed hash of what is chosen, no generator with a state."""

from __future__ import annotations

from hashlib import blake2b


def number(seed: str, *parts: object) -> int:
    """64 bits that depend on the seed and the parts alone."""
    text = "\x1f".join((seed, *map(str, parts)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def unit(seed: str, *parts: object) -> float:
    """A number from 0 up to, not including, 1."""
    return (number(seed, *parts) >> 11) / (1 << 53)
