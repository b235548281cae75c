"""Password rules: limits of the length, repetition, and common passwords (OWASP ASVS 5.0, 6.2.1-6.2.12)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from services.identity.accounts.password_preparation import prepared
from services.identity.errors import WeakPassword

MIN_LENGTH, MAX_LENGTH = 8, 256
"""In characters of the prepared password, not bytes."""
MIN_DISTINCT = 3
"""Number of different characters that a password needs at least. Spaces don't count."""


def refuse_weak(typed: str, *, email: str, display_name: str, field: str = "password") -> None:
    """Raise WeakPassword if a password is too short, too long, repetitive, common or personal.

    `field` is the request's field that the error names.
    """
    try:
        _check(typed, email=email, display_name=display_name)
    except WeakPassword as error:
        error.field = field
        raise


def _check(typed: str, *, email: str, display_name: str) -> None:
    password = prepared(typed)
    if len(password) < MIN_LENGTH:
        raise WeakPassword("short", f"Choose a password of at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword("long", f"Choose a password of at most {MAX_LENGTH} characters.")
    if len(set(password.casefold()) - {" "}) < MIN_DISTINCT:
        raise WeakPassword("repetitive", "Choose a password with more than two different characters.")
    plain = _plain(password)
    if plain in common_passwords():
        raise WeakPassword("common", "Many people use this password; choose one that is only yours.")
    local_part = email.partition("@")[0]
    if plain in {_plain(email), _plain(local_part), _plain(display_name)}:
        raise WeakPassword("personal", "Choose a password that is not your name or e-mail address.")


@cache
def common_passwords() -> frozenset[str]:
    """Return the common passwords, in the form that `_plain` returns."""
    lines = files(__package__).joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(_plain(line) for line in lines if line and not line.startswith("#"))


def _plain(text: str) -> str:
    """Return a text in lower case, without digits and punctuation at its end, which people often append."""
    folded = prepared(text).casefold()
    return folded.rstrip("0123456789!?.*#@$-_") or folded
