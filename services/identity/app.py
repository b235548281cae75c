"""Assembly and entry point of the identity service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import uvloop
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from readback.identity.v1.identity_service_pb2_grpc import add_IdentityServiceServicer_to_server
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import (
    add_IdentityInternalServiceServicer_to_server,
)

from mesh.clock import Clock, SystemClock
from mesh.contracts.page_tokens import PageTokens
from mesh.database.migrations import migrated
from mesh.logs import configure
from mesh.security.authentication import TokenVerifier
from mesh.security.revocations import IDENTITY
from mesh.security.token_buckets import TokenBuckets
from mesh.serving.grpc_server import GrpcService, serve
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.identity.accounts.customers import Customers
from services.identity.accounts.deletion import CustomerDeletion
from services.identity.accounts.hashing_queue import HashingQueue
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.sign_in import PasswordSignIn
from services.identity.delegation.actor_assertions import AssertionVerifier
from services.identity.delegation.grants import Grants, TokenExchange
from services.identity.delegation.servicer import IdentityInternalServicer
from services.identity.errors import ERRORS
from services.identity.keyed_digests import KeyedDigests
from services.identity.retention import purging
from services.identity.servicer import IdentityServicer
from services.identity.settings import IdentitySettings
from services.identity.store.store import Store
from services.identity.tokens.access_tokens import AccessTokens
from services.identity.tokens.revocations import Revocations
from services.identity.tokens.sessions import CustomerSessions, SessionLimits
from services.identity.tokens.signing_keys import SigningKeys

MIGRATIONS = Path(__file__).parent / "migrations"


@asynccontextmanager
async def grpc_service(settings: IdentitySettings, clock: Clock | None = None) -> AsyncIterator[GrpcService]:
    """Migrate the database, yield the service ready to be served, and close the database."""
    clock = clock or SystemClock()
    keys = SigningKeys(settings.secrets.private_key("identity-signing-key"), settings.previous_signing_keys())
    queue = HashingQueue(threads=settings.identity_hashing_threads, clock=clock)
    engine = await migrated(settings.database_url, MIGRATIONS)
    store = Store(engine)
    servicer, internal = _servicers(settings, store, keys, queue, clock)

    def add(server: grpc.aio.Server) -> None:
        add_IdentityServiceServicer_to_server(servicer, server)
        add_IdentityInternalServiceServicer_to_server(internal, server)

    async def own_key(kid: str) -> EllipticCurvePublicKey | None:
        return keys.public_keys.get(kid)

    try:
        async with purging(store, clock):
            yield GrpcService(
                name="identity",
                descriptors=IDENTITY,
                add=add,
                errors=ERRORS,
                verifier=TokenVerifier(own_key, clock=clock),
            )
    finally:
        queue.close()
        await engine.dispose()


def _servicers(
    settings: IdentitySettings, store: Store, keys: SigningKeys, queue: HashingQueue, clock: Clock
) -> tuple[IdentityServicer, IdentityInternalServicer]:
    tokens = AccessTokens(
        keys,
        clock,
        customer_lifetime=timedelta(seconds=settings.identity_customer_token_seconds),
        actor_lifetime=timedelta(seconds=settings.identity_actor_token_seconds),
    )
    pepper = settings.secrets.text("identity-pepper").encode()
    hasher, digests = PasswordHasher(pepper, cost=settings.identity_bcrypt_cost), KeyedDigests(pepper)
    limits = SessionLimits(
        timedelta(days=settings.identity_session_days),
        timedelta(seconds=settings.identity_refresh_repeat_seconds),
    )
    sessions = CustomerSessions(store, tokens, digests, clock, limits)
    failures = TokenBuckets(
        capacity=settings.identity_failures_per_minute,
        per_hour=settings.identity_failures_per_minute * 60,
        clock=clock,
    )
    registrations = TokenBuckets(
        capacity=settings.identity_registrations_per_hour,
        per_hour=settings.identity_registrations_per_hour,
        clock=clock,
    )
    deletion = CustomerDeletion(store, clock, token_lifetime=tokens.longest_lifetime)
    servicer = IdentityServicer(
        customers=Customers(store, hasher, queue, sessions, registrations, clock),
        sign_in=PasswordSignIn(store, hasher, queue, sessions, failures, digests, clock),
        deletion=deletion,
        sessions=sessions,
        keys=keys,
        pages=PageTokens(digests.of("page tokens")),
        store=store,
    )
    internal = IdentityInternalServicer(
        grants=Grants(store, sessions, clock, lifetime=timedelta(hours=settings.identity_grant_hours)),
        exchange=TokenExchange(store, AssertionVerifier(settings.actor_public_keys, clock), tokens, clock),
        revocations=Revocations(store, clock),
        deletion=deletion,
        store=store,
    )
    return servicer, internal


def main() -> None:
    """Serve identity until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong, or a port is taken.
    """
    settings = load(IdentitySettings)
    configure(settings, "identity")
    uvloop.run(_run(settings))


async def _run(settings: IdentitySettings) -> None:
    endpoint, probes = endpoint_of(settings, "identity_port"), endpoint_of(settings, "identity_http_port")
    async with grpc_service(settings) as identity:
        await serve(identity, settings, endpoint=endpoint, probes=probes)
