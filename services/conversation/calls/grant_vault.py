"""Grants at rest. An agent of any epoch gets the call's grant with `opened`, so it has to be kept; a stolen database must not hold it."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet


class GrantVault:
    """Encrypts grants with a key of the installation."""

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))

    def seal(self, grant: str) -> bytes:
        """The grant, encrypted and authenticated."""
        return self._fernet.encrypt(grant.encode())

    def open(self, sealed: bytes) -> str:
        """The grant in the clear.

        Raises:
            cryptography.fernet.InvalidToken: it was sealed with another key.
        """
        return self._fernet.decrypt(sealed).decode()
