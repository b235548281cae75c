"""Call grants: tokens that let an agent act for the customer in one call.

The identity service issues and revokes grants, and sets their lifetime. This service stores each grant until
its call is cleaned up, because every agent of the call gets it with `opened`. The grant is encrypted, so that
a stolen database doesn't reveal it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import grpc
from cryptography.fernet import Fernet
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from readback.options.v1 import options_pb2

from mesh.ids import uuid7
from mesh.security.authentication import bearer, current_principal
from mesh.security.workload_identity import WorkloadIdentity
from services.conversation.calls.ports import GrantsUnavailable
from services.conversation.errors import CallNotFound

if TYPE_CHECKING:
    from readback.internal.identity.v1.identity_internal_service_pb2_grpc import (
        IdentityInternalServiceAsyncStub,
    )


def holds_grant_of(call_id: str) -> bool:
    """Return whether the caller is an agent with a grant for this call.

    Raises:
        CallNotFound: the caller is an agent with a grant for another call.
    """
    principal = current_principal()
    if principal.kind != options_pb2.ACCESS_AGENT:
        return False
    if principal.call_id != call_id.lower():
        raise CallNotFound
    return True


class IdentityGrants:
    """Grants from the identity service."""

    def __init__(self, identity: IdentityInternalServiceAsyncStub, workload: WorkloadIdentity) -> None:
        self._identity, self._workload = identity, workload

    async def grant(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        """Return a grant for one call, issued on behalf of the customer that `customer_token` belongs to.

        Raises:
            grpc.aio.AioRpcError: the identity service refused or can't be reached.
        """
        request = internal.GrantCallRequest(conversation_id=conversation_id, call_id=call_id)
        return (await self._identity.GrantCall(request, metadata=bearer(customer_token))).grant

    async def revoke(self, call_id: str) -> None:
        """Revoke the grant of a call.

        Uses this service's own token, because the customer may have signed out.

        Raises:
            GrantsUnavailable: the identity service refused or can't be reached.
        """
        try:
            token = await self._workload.own_token()
            await self._identity.RevokeGrant(
                internal.RevokeGrantRequest(call_id=call_id, request_id=uuid7()), metadata=bearer(token)
            )
        except grpc.aio.AioRpcError as error:
            raise GrantsUnavailable(f"identity answered {error.code().name}") from None


class GrantCipher:
    """Encryption of grants at rest.

    Args:
        key: secret of the installation, from which the encryption key is derived.
    """

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))

    def seal(self, grant: str) -> bytes:
        """Return the grant, encrypted and authenticated."""
        return self._fernet.encrypt(grant.encode())

    def open(self, sealed: bytes) -> str:
        """Return the decrypted grant.

        Raises:
            cryptography.fernet.InvalidToken: the grant was encrypted with another key.
        """
        return self._fernet.decrypt(sealed).decode()
