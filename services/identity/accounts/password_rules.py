"""Which passwords may be chosen: length and not being guessable, no composition rules (OWASP ASVS 5.0, 6.2.1-6.2.12)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from services.identity.errors import WeakPassword

SHORTEST, LONGEST = 8, 256
"""Length in characters, not bytes."""


def refuse_weak(password: str, *, email: str, display_name: str) -> None:
    """Raises WeakPassword for a password that attackers try first: a common one, or one made of who the person is."""
    if len(password) < SHORTEST:
        raise WeakPassword("short", f"Choose a password of at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise WeakPassword("long", f"Choose a password of at most {LONGEST} characters.")
    plain = _plain(password)
    if plain in common_passwords():
        raise WeakPassword("common", "Many people use this password; choose one that is only yours.")
    local_part = email.partition("@")[0]
    if plain in {_plain(email), _plain(local_part), _plain(display_name)}:
        raise WeakPassword("personal", "Choose a password that is not your name or e-mail address.")


@cache
def common_passwords() -> frozenset[str]:
    """The list, in the form it is compared in."""
    lines = files(__package__).joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(_plain(line) for line in lines if line and not line.startswith("#"))


def _plain(text: str) -> str:
    """Without case and without the digits and marks people append to a word they already had."""
    folded = text.casefold()
    return folded.rstrip("0123456789!?.*#@$-_") or folded
