"""When a refresh token is good: rotation with detection of reuse (RFC 9700 §4.14.2, OWASP ASVS 5.0 10.4.5).

Each refresh spends a token and makes its successor. A spent token that comes back means one of two things. If none of its successors was
ever used, its answer got lost, or two tabs refreshed at once: it gets another successor, and whichever of the siblings is used
first is the one that counts. If a successor was used, two parties hold the session: it ends for both. So the parent of the
token in use is tolerated and a grandparent never is.
"""

from __future__ import annotations

from collections.abc import Collection

from services.identity.errors import RefreshTokenReused
from services.identity.store.records import RefreshToken


def refuse_reuse(token: RefreshToken, relatives: Collection[RefreshToken]) -> None:
    """Raises RefreshTokenReused unless the token may be exchanged.

    `relatives` are its children and its siblings; more of the family does no harm.
    """
    for other in relatives:
        is_child = other.parent == token.digest
        is_sibling = (
            token.parent is not None and other.parent == token.parent and other.digest != token.digest
        )
        if (is_child or is_sibling) and other.spent_at is not None:
            raise RefreshTokenReused
