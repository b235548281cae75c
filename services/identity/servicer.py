"""gRPC servicer of identity: converts between contract messages and the domain."""
# ruff: noqa: ARG002 -- gRPC gives every method a context

from __future__ import annotations

from typing import Any

import grpc
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1 import identity_service_pb2_grpc

from mesh.clock import timestamp
from mesh.contracts.page_tokens import PageSize, PageTokens
from mesh.contracts.updates import fields_to_update, require_etag, with_etag
from mesh.errors import FieldViolation, InvalidRequest
from mesh.security.authentication import current_customer, current_principal
from mesh.security.security_log import security_log
from mesh.security.source_address import source_address
from services.identity.accounts.customers import CHANGEABLE, Customers
from services.identity.accounts.deletion import CustomerDeletion
from services.identity.accounts.sign_in import PasswordSignIn
from services.identity.store import records
from services.identity.store.store import Store
from services.identity.tokens.sessions import CustomerSessions, TokenPair
from services.identity.tokens.signing_keys import SigningKeys

Context = grpc.aio.ServicerContext[Any, Any]
SESSIONS = PageSize(20, 100)


class IdentityServicer(identity_service_pb2_grpc.IdentityServiceServicer):
    """Implements `identity_service.proto`, which documents each RPC."""

    def __init__(
        self,
        *,
        customers: Customers,
        sign_in: PasswordSignIn,
        deletion: CustomerDeletion,
        sessions: CustomerSessions,
        keys: SigningKeys,
        pages: PageTokens,
        store: Store,
    ) -> None:
        self._customers, self._sign_in, self._deletion = customers, sign_in, deletion
        self._sessions, self._keys, self._pages, self._store = sessions, keys, pages, store

    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.RegisterResponse:
        """Create an account and sign it in."""
        customer, pair = await self._customers.register(
            request.email,
            request.password,
            request.display_name,
            request.locale,
            source_address(context),
            request.client_name,
        )
        return pb.RegisterResponse(customer=_customer(customer), tokens=_tokens(pair))

    async def Login(self, request: pb.LoginRequest, context: Context) -> pb.LoginResponse:
        """Sign in with a password."""
        source = source_address(context)
        customer, pair = await self._sign_in.sign_in(
            request.email, request.password, source, request.client_name
        )
        return pb.LoginResponse(customer=_customer(customer), tokens=_tokens(pair))

    async def RefreshSession(
        self, request: pb.RefreshSessionRequest, context: Context
    ) -> pb.RefreshSessionResponse:
        """Exchange a refresh token for a new pair of tokens."""
        return pb.RefreshSessionResponse(tokens=_tokens(await self._sessions.refresh(request.refresh_token)))

    async def Logout(self, request: pb.LogoutRequest, context: Context) -> pb.LogoutResponse:
        """End the session of the access token."""
        caller = current_principal()
        return await self._store.once(
            caller.subject,
            request,
            pb.LogoutResponse(),
            lambda tx: self._sessions.end(tx, caller.session_id or ""),
        )

    async def GetCustomer(self, request: pb.GetCustomerRequest, context: Context) -> pb.GetCustomerResponse:
        """Return the customer of the access token."""
        customer = await self._customers.get(current_customer(), current_principal().session_id)
        return pb.GetCustomerResponse(customer=_customer(customer))

    async def UpdateCustomer(
        self, request: pb.UpdateCustomerRequest, context: Context
    ) -> pb.UpdateCustomerResponse:
        """Change fields of the customer of the access token."""
        update, caller = request.customer, current_principal()
        names = fields_to_update(update, request.update_mask, CHANGEABLE)
        if update.customer_id.lower() not in ("", caller.subject):
            raise InvalidRequest([FieldViolation("customer.customer_id", "must be empty or your own")])
        customer = await self._customers.update(
            caller.subject,
            caller.session_id or "",
            {name: getattr(update, name) for name in names},
            lambda stored: require_etag(_customer(stored), update.etag),
        )
        return pb.UpdateCustomerResponse(customer=_customer(customer))

    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: Context
    ) -> pb.ChangePasswordResponse:
        """Change the password, and end all other sessions."""
        caller, source = current_principal(), source_address(context)
        await self._sign_in.change_password(caller.subject, caller.session_id or "", request, source)
        security_log.record("password changed", source, customer=caller.subject)
        return pb.ChangePasswordResponse()

    async def ListSessions(
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        """List the open sessions of the customer."""
        caller = current_principal()
        scope, size = f"sessions of {caller.subject}", SESSIONS.of(request.page_size)
        before = self._pages.open(request.page_token, scope) if request.page_token else None
        own = caller.session_id or ""
        found = await self._sessions.list_open(caller.subject, own, before=before, limit=size + 1)
        page = found[:size]
        return pb.ListSessionsResponse(
            sessions=[_session(session, own) for session in page],
            next_page_token=self._pages.seal(page[-1].session_id, scope) if len(found) > size else "",
        )

    async def RevokeSession(
        self, request: pb.RevokeSessionRequest, context: Context
    ) -> pb.RevokeSessionResponse:
        """End one session of the customer."""
        caller, ending = current_principal(), request.session_id.lower()
        await self._sessions.revoke(caller.subject, caller.session_id or "", ending)
        return pb.RevokeSessionResponse()

    async def DeleteCustomer(
        self, request: pb.DeleteCustomerRequest, context: Context
    ) -> pb.DeleteCustomerResponse:
        """Delete the customer of the access token."""
        customer_id = current_customer()
        source = source_address(context)
        await self._sign_in.confirm(customer_id, request.password, source)
        # The idempotency store saves a fast hash of the request, so it must not include the password.
        hashed = pb.DeleteCustomerRequest(request_id=request.request_id)
        answer = await self._store.once(
            customer_id,
            hashed,
            pb.DeleteCustomerResponse(),
            lambda tx: self._deletion.delete(tx, customer_id),
        )
        # Also for a repeated request, because the first one may have been interrupted before this line.
        await self._store.scrub()
        security_log.record("customer deleted", source, customer=customer_id)
        return answer

    async def GetJwks(self, request: pb.GetJwksRequest, context: Context) -> pb.GetJwksResponse:
        """Return the keys that verify access tokens."""
        return pb.GetJwksResponse(keys=[pb.JsonWebKey(**key) for key in self._keys.jwks()])


def _customer(customer: records.Customer) -> pb.Customer:
    return with_etag(
        ("email", "display_name", "locale"),
        pb.Customer(
            customer_id=customer.customer_id,
            email=customer.email,
            display_name=customer.display_name,
            locale=customer.locale,
            create_time=timestamp(customer.created_at),
        ),
    )


def _session(session: records.Session, own_id: str) -> pb.Session:
    refreshed_at = session.refreshed_at
    return pb.Session(
        session_id=session.session_id,
        client_name=session.client,
        create_time=timestamp(session.created_at),
        refresh_time=timestamp(refreshed_at) if refreshed_at else None,
        expire_time=timestamp(session.expires_at),
        current=session.session_id == own_id,
    )


def _tokens(pair: TokenPair) -> pb.TokenPair:
    return pb.TokenPair(
        access_token=pair.access.text,
        access_expire_time=timestamp(pair.access.expires_at),
        refresh_token=pair.refresh_token,
        session_expire_time=timestamp(pair.session_expires_at),
    )
