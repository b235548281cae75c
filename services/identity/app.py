"""The identity service put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from readback.identity.v1 import identity_service_pb2, identity_service_pb2_grpc

from mesh.auth import TokenVerifier
from mesh.clock import Clock, SystemClock
from mesh.database import migrated
from mesh.listening import endpoint_of
from mesh.logs import configure
from mesh.requests import RequestLedger
from mesh.server import Member, Registration, serve
from mesh.settings import load
from services.identity.access_tokens import AccessTokens
from services.identity.actors import Actors
from services.identity.customers import Customers
from services.identity.error_table import ERRORS
from services.identity.expiry import sweeping
from services.identity.grants import Grants
from services.identity.passwords import PasswordHasher
from services.identity.schema import requests
from services.identity.servicer import IdentityServicer
from services.identity.sessions import Sessions
from services.identity.settings import IdentitySettings
from services.identity.sign_in import SignIn
from services.identity.signing_keys import SigningKeys
from services.identity.store import Store
from services.identity.token_exchange import TokenExchange

MIGRATIONS = Path(__file__).parent / "migrations"


@asynccontextmanager
async def member(settings: IdentitySettings, clock: Clock | None = None) -> AsyncIterator[Member]:
    """The service, ready to be served; its database is migrated first and closed afterwards."""
    clock = clock or SystemClock()
    keys = SigningKeys(settings.secrets.private_key("identity-signing-key"), settings.previous_signing_keys())
    hasher = _hasher(settings)
    engine = await migrated(settings.database_url, MIGRATIONS)
    store = Store(engine)
    try:
        async with sweeping(store, clock):
            yield _member(_servicer(settings, store, keys, hasher, clock), keys, clock)
    finally:
        hasher.close()
        await engine.dispose()


def _hasher(settings: IdentitySettings) -> PasswordHasher:
    pepper = settings.secrets.text("identity-pepper").encode()
    return PasswordHasher(
        pepper, cost=settings.identity_bcrypt_cost, threads=settings.identity_hashing_threads
    )


def _servicer(
    settings: IdentitySettings, store: Store, keys: SigningKeys, hasher: PasswordHasher, clock: Clock
) -> IdentityServicer:
    tokens = AccessTokens(
        keys,
        clock,
        customer_lifetime=settings.customer_token_lifetime,
        actor_lifetime=settings.actor_token_lifetime,
    )
    sessions = Sessions(store, tokens, clock, lifetime=timedelta(days=settings.identity_session_days))
    return IdentityServicer(
        customers=Customers(store, hasher, sessions, clock),
        sign_in=SignIn(store, hasher, sessions, clock),
        sessions=sessions,
        grants=Grants(store, clock, lifetime=timedelta(hours=settings.identity_grant_hours)),
        exchange=TokenExchange(store, Actors(settings.actor_public_keys, clock), tokens, clock),
        keys=keys,
        store=store,
        ledger=RequestLedger(requests),
    )


def _member(servicer: IdentityServicer, keys: SigningKeys, clock: Clock) -> Member:
    async def own_key(kid: str) -> EllipticCurvePublicKey | None:
        return keys.public_keys.get(kid)

    return Member(
        name="identity",
        registrations=[
            Registration(
                descriptor=identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
                add=lambda server: identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(
                    servicer, server
                ),
                errors=ERRORS,
            )
        ],
        verifier=TokenVerifier(own_key, clock=clock),
    )


def main() -> None:
    """Serves identity until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong or a port taken.
    """
    settings = load(IdentitySettings)
    configure(settings, "identity")
    uvloop.run(_run(settings))


async def _run(settings: IdentitySettings) -> None:
    async with member(settings) as identity:
        at, probed_at = endpoint_of(settings, "identity_port"), endpoint_of(settings, "identity_http_port")
        await serve(identity, settings, at=at, probed_at=probed_at)
