"""Call grants: tokens that let an agent act for the customer in one call.

The identity service issues and revokes grants, and sets their lifetime. This service stores each grant until
its call is cleaned up, because every agent of the call gets it with `opened`. The grant is encrypted, so that
a stolen database doesn't reveal it.
"""

from __future__ import annotations

import base64
import hashlib

import grpc
from cryptography.fernet import Fernet
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1 import identity_service_pb2_grpc

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.workload_identity import WorkloadIdentity
from services.conversation.calls.ports import GrantsUnavailable


class IdentityGrants:
    """Grants from the identity service."""

    def __init__(
        self, identity: identity_service_pb2_grpc.IdentityServiceAsyncStub, workload: WorkloadIdentity
    ) -> None:
        self._identity, self._workload = identity, workload

    async def grant(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        """Return a grant for one call, issued on behalf of the customer that `customer_token` belongs to.

        Raises:
            grpc.aio.AioRpcError: the identity service refused or can't be reached.
        """
        request = pb.GrantCallRequest(conversation_id=conversation_id, call_id=call_id)
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
                pb.RevokeGrantRequest(call_id=call_id, request_id=uuid7()), metadata=bearer(token)
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
