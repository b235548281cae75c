"""gRPC servicer of identity for the other processes: grants, tokens, revocations, deleted customers."""
# ruff: noqa: ARG002 -- gRPC gives every method a context

from __future__ import annotations

from typing import Any

import grpc
from readback.internal.identity.v1 import identity_internal_service_pb2 as pb
from readback.internal.identity.v1 import identity_internal_service_pb2_grpc
from readback.options.v1.options_pb2 import ACCESS_CONVERSATION

from mesh.clock import timestamp
from mesh.security.authentication import current_customer, current_principal
from services.identity.accounts.deletion import CustomerDeletion
from services.identity.delegation.grants import Grants, TokenExchange
from services.identity.store.store import Store
from services.identity.tokens.revocations import Revocations

Context = grpc.aio.ServicerContext[Any, Any]


class IdentityInternalServicer(identity_internal_service_pb2_grpc.IdentityInternalServiceServicer):
    """Implements `identity_internal_service.proto`, which documents each RPC."""

    def __init__(
        self,
        *,
        grants: Grants,
        exchange: TokenExchange,
        revocations: Revocations,
        deletion: CustomerDeletion,
        store: Store,
    ) -> None:
        self._grants, self._exchange, self._revocations = grants, exchange, revocations
        self._deletion, self._store = deletion, store

    async def GrantCall(self, request: pb.GrantCallRequest, context: Context) -> pb.GrantCallResponse:
        """Allow agents to act in a call."""
        caller = current_principal()
        issued = await self._grants.grant(
            caller.subject, caller.session_id or "", request.conversation_id, request.call_id
        )
        return pb.GrantCallResponse(grant=issued.text, expire_time=timestamp(issued.expires_at))

    async def RevokeGrant(self, request: pb.RevokeGrantRequest, context: Context) -> pb.RevokeGrantResponse:
        """Revoke a call's grant. A customer can revoke their own, the conversation service every grant."""
        caller = current_principal()
        customer_id = None if caller.kind == ACCESS_CONVERSATION else current_customer()
        return await self._store.once(
            caller.subject,
            request,
            pb.RevokeGrantResponse(),
            lambda tx: tx.delete_grants_of_call(request.call_id, customer_id),
        )

    async def ExchangeToken(
        self, request: pb.ExchangeTokenRequest, context: Context
    ) -> pb.ExchangeTokenResponse:
        """Exchange an assertion, with or without a grant, for an access token."""
        token = await self._exchange.exchange(request.actor_assertion, request.grant)
        return pb.ExchangeTokenResponse(access_token=token.text, expire_time=timestamp(token.expires_at))

    async def GetRevocations(
        self, request: pb.GetRevocationsRequest, context: Context
    ) -> pb.GetRevocationsResponse:
        """Return which access tokens are revoked."""
        return pb.GetRevocationsResponse(hashes=await self._revocations.hashes())

    async def ListDeletedCustomers(
        self, request: pb.ListDeletedCustomersRequest, context: Context
    ) -> pb.ListDeletedCustomersResponse:
        """Return the customers whose data the calling service must delete."""
        return pb.ListDeletedCustomersResponse(customer_ids=await self._deletion.due(_service()))

    async def ConfirmDeletedCustomers(
        self, request: pb.ConfirmDeletedCustomersRequest, context: Context
    ) -> pb.ConfirmDeletedCustomersResponse:
        """Note that the calling service deleted the data of these customers."""
        await self._deletion.confirm(_service(), request.customer_ids)
        return pb.ConfirmDeletedCustomersResponse()


def _service() -> str:
    """Return the name of the calling service, without the suffix of a replica."""
    return current_principal().subject.partition("-")[0]
