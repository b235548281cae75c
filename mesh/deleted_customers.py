"""Deletion of the data of deleted customers, whom the identity service lists for each service.

Identity lists each of them until the deletion is confirmed, and once more after the customer's last access
token has expired, because the token could still create data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import grpc
import structlog
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal

from mesh.clock import Clock
from mesh.security.authentication import bearer
from mesh.security.workload_identity import WorkloadIdentity

if TYPE_CHECKING:
    from readback.internal.identity.v1.identity_internal_service_pb2_grpc import (
        IdentityInternalServiceAsyncStub,
    )

POLL_SECONDS = 30.0
"""Pause between two questions to identity."""
_log = structlog.get_logger()


class IdentityUnavailable(Exception):
    """Identity can't be reached now."""


class NotYet(Exception):
    """The data is still needed. The deletion is tried again."""


class DeletedCustomers(Protocol):
    """The deleted customers whose data must be deleted. Both methods raise `IdentityUnavailable`."""

    async def due(self) -> Sequence[str]:
        """Return the ids of some of them; empty if there are none."""
        ...

    async def confirm(self, customer_ids: Sequence[str]) -> None:
        """Confirm that the data of these customers is deleted."""
        ...


class DeletedCustomersOfIdentity:
    """`DeletedCustomers` from the identity service."""

    def __init__(self, identity: IdentityInternalServiceAsyncStub, workload: WorkloadIdentity) -> None:
        self._identity, self._workload = identity, workload

    async def due(self) -> Sequence[str]:
        """Return the ids of some of them; empty if there are none."""
        try:
            metadata = bearer(await self._workload.own_token())
            listed = await self._identity.ListDeletedCustomers(
                internal.ListDeletedCustomersRequest(), metadata=metadata
            )
        except grpc.aio.AioRpcError as error:
            raise IdentityUnavailable(error.code().name) from None
        return list(listed.customer_ids)

    async def confirm(self, customer_ids: Sequence[str]) -> None:
        """Confirm that the data of these customers is deleted."""
        try:
            metadata = bearer(await self._workload.own_token())
            request = internal.ConfirmDeletedCustomersRequest(customer_ids=customer_ids)
            await self._identity.ConfirmDeletedCustomers(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise IdentityUnavailable(error.code().name) from None


async def delete_customers(
    customers: DeletedCustomers, delete: Callable[[str], Awaitable[None]], clock: Clock
) -> None:
    """Delete the data of deleted customers now, then periodically, until cancelled.

    Several replicas may delete the same customer's data at once. `delete` may raise `NotYet`.
    """
    available = True
    while True:
        try:
            while due := await customers.due():
                deleted = [customer_id for customer_id in due if await _is_deleted(customer_id, delete)]
                await customers.confirm(deleted)
                if len(deleted) < len(due):
                    break
            available = True
        except IdentityUnavailable as error:
            if available:
                _log.warning("deleted customers unknown; identity unavailable", why=str(error))
            available = False
        await clock.sleep(POLL_SECONDS)


async def _is_deleted(customer_id: str, delete: Callable[[str], Awaitable[None]]) -> bool:
    try:
        await delete(customer_id)
    except NotYet:
        return False
    _log.info("data of deleted customer deleted")
    return True
