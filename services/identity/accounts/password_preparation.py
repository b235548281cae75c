"""Preparation of passwords, so that the same keys pressed on two devices make the same password."""

from __future__ import annotations

import unicodedata


def prepared(password: str) -> str:
    """Return the form of a password that is checked and hashed (OpaqueString, RFC 8265 §4.2.2).

    Every kind of space becomes U+0020, and the text becomes NFC: one keyboard sends "é" as one character,
    another as two. Case and everything else stay. Control characters are allowed, unlike in the RFC, because
    existing passwords may contain them.
    """
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in password)
    return unicodedata.normalize("NFC", spaced)
