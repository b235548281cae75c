"""Deletion of a customer.

It deletes the account, its sessions and its grants, and revokes the access tokens. Other services learn of
the deletion from a list and delete the customer's data there. Each confirms it twice: at once, and after the
last access token has expired, because a token can work for seconds after the deletion. Only then does the
list lose the customer's id.

On SQLite, the data is erased from the files when the deletion returns; on PostgreSQL, at the next vacuum.
Backups are not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from mesh.clock import Clock
from services.identity.store.store import Store, Transaction

SERVICES = ("conversation", "booking")
"""Services that have data of customers."""
LISTED = 100
"""Most deletions that are listed at a time."""


class CustomerDeletion:
    """Deletes customers, and hands the deletions to other services."""

    def __init__(self, store: Store, clock: Clock, *, token_lifetime: timedelta) -> None:
        self._store, self._clock, self._token_lifetime = store, clock, token_lifetime

    async def delete(self, tx: Transaction, customer_id: str) -> None:
        """Delete a customer. One who doesn't exist stays deleted."""
        if await tx.customer(customer_id) is None:
            return
        now = self._clock.now()
        await tx.delete_customer(customer_id)
        await tx.revoke([customer_id], now + self._token_lifetime)
        for service in SERVICES:
            await tx.add_deleted_customer(service, customer_id, now)

    async def due(self, service: str) -> Sequence[str]:
        """Return ids of customers whose data a service must delete now."""
        async with self._store.reading() as tx:
            return await tx.deletions_due(service, self._clock.now(), limit=LISTED)

    async def confirm(self, service: str, customer_ids: Sequence[str]) -> None:
        """Note that a service deleted the data of these customers."""
        async with self._store.writing() as tx:
            await tx.postpone_deletions(service, customer_ids, self._clock.now(), self._token_lifetime)
