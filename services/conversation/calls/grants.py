"""Grants, as the identity service gives and ends them."""

from __future__ import annotations

import grpc
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1 import identity_service_pb2_grpc

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.workload_identity import WorkloadIdentity
from services.conversation.calls.ports import GrantsUnavailable


class IdentityGrants:
    """Grants of the identity service behind a stub."""

    def __init__(
        self, identity: identity_service_pb2_grpc.IdentityServiceAsyncStub, workload: WorkloadIdentity
    ) -> None:
        self._identity, self._workload = identity, workload

    async def grant(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        """A grant for one call, in the name of the customer whose token this is.

        Raises:
            grpc.aio.AioRpcError: identity refused or can't be reached.
        """
        request = pb.GrantCallRequest(conversation_id=conversation_id, call_id=call_id)
        return (await self._identity.GrantCall(request, metadata=bearer(customer_token))).grant

    async def revoke(self, call_id: str) -> None:
        """Ends the grant of a call, in this service's own name: nobody need be signed in any more.

        Raises:
            GrantsUnavailable: identity refused or can't be reached.
        """
        try:
            token = await self._workload.own_token()
            await self._identity.RevokeGrant(
                pb.RevokeGrantRequest(call_id=call_id, request_id=uuid7()), metadata=bearer(token)
            )
        except grpc.aio.AioRpcError as error:
            raise GrantsUnavailable(f"identity answered {error.code().name}") from None
