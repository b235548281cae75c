"""Assembly and entry point of the booking service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
import uvloop
from readback.booking.v1 import booking_service_pb2
from readback.booking.v1.booking_service_pb2_grpc import add_BookingServiceServicer_to_server
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.internal.booking.v1 import booking_internal_service_pb2
from readback.internal.booking.v1.booking_internal_service_pb2_grpc import (
    add_BookingInternalServiceServicer_to_server,
)
from readback.internal.conversation.v1 import consent_evidence_service_pb2
from readback.internal.conversation.v1.consent_evidence_service_pb2_grpc import ConsentEvidenceServiceStub
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.background import Task, run_in_background
from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.contracts.page_tokens import PageTokens
from mesh.database.migrations import migrated
from mesh.deleted_customers import DeletedCustomersOfIdentity, delete_customers
from mesh.logs import configure
from mesh.security.revocations import IDENTITY, verifier_of_identity
from mesh.security.token_buckets import TokenBuckets
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import GrpcService, serve
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.booking.changes import Changes
from services.booking.confirming import Confirming
from services.booking.consent import Confirmations, ConsentEvidence, ConsentGate
from services.booking.dispatch import Dispatcher
from services.booking.errors import ERRORS
from services.booking.offers import FlightDataOffers, Offers
from services.booking.quoting import Quotes
from services.booking.retention import erase, purge
from services.booking.servicer import BookingInternalServicer, BookingServicer
from services.booking.settings import BookingSettings
from services.booking.store.store import Store
from services.booking.suppliers.protocol import Suppliers
from services.booking.suppliers.sandbox import Sandbox
from services.booking.transcript_evidence import TranscriptEvidence
from services.booking.travellers import Travellers
from services.booking.watching import Watches

MIGRATIONS = Path(__file__).parent / "migrations"
BOOKING = (
    booking_service_pb2.DESCRIPTOR.services_by_name["BookingService"],
    booking_internal_service_pb2.DESCRIPTOR.services_by_name["BookingInternalService"],
)
EVIDENCE = consent_evidence_service_pb2.DESCRIPTOR.services_by_name["ConsentEvidenceService"]
FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]


@asynccontextmanager
async def grpc_service(
    settings: BookingSettings, clock: Clock | None = None, evidence: ConsentEvidence | None = None
) -> AsyncIterator[GrpcService]:
    """Migrate the database, yield the service ready to be served, and close the database."""
    clock = clock or SystemClock()
    engine = await migrated(settings.database_url, MIGRATIONS)
    try:
        async with (
            open_channel(settings.address_of("identity"), *IDENTITY) as identity,
            open_channel(settings.address_of("flightdata"), FLIGHTDATA) as flightdata,
            open_channel(settings.address_of("conversation"), EVIDENCE) as conversation,
        ):
            store, changes = Store(engine), Changes(clock)
            confirmations = Confirmations(settings.secrets.text("confirmations").encode(), clock)
            identity_stub = IdentityInternalServiceStub(identity)
            workload = WorkloadIdentity(
                "booking", settings.secrets.actor_key("booking"), identity_stub, clock
            )
            deleted = DeletedCustomersOfIdentity(identity_stub, workload)
            spoken = TranscriptEvidence(ConsentEvidenceServiceStub(conversation), workload)
            gate = ConsentGate(evidence or spoken, confirmations)
            suppliers = Suppliers([Sandbox(store.writing, clock)])
            offers = FlightDataOffers(FlightDataServiceStub(flightdata))
            servicer = _servicer(settings, store, suppliers, offers, gate, changes, clock)
            internal = BookingInternalServicer(confirmations)

            def add(server: grpc.aio.Server) -> None:
                add_BookingServiceServicer_to_server(servicer, server)
                add_BookingInternalServiceServicer_to_server(internal, server)

            tasks: dict[str, Task] = {
                "dispatch": Dispatcher(store, suppliers, gate, changes, clock).run,
                "retention": partial(purge, store, clock),
                "deleted customers": partial(delete_customers, deleted, partial(erase, store), clock),
            }
            async with run_in_background(clock, **tasks):
                verifier = verifier_of_identity(identity, clock)
                yield GrpcService("booking", BOOKING, add, ERRORS, verifier, changes.drain)
    finally:
        await engine.dispose()


def _servicer(
    settings: BookingSettings,
    store: Store,
    suppliers: Suppliers,
    offers: Offers,
    gate: ConsentGate,
    changes: Changes,
    clock: Clock,
) -> BookingServicer:
    travellers, per_hour = Travellers(clock), settings.booking_quotes_per_hour
    return BookingServicer(
        store=store,
        quotes=Quotes(store, suppliers, offers, travellers, clock),
        confirming=Confirming(store, gate, clock),
        travellers=travellers,
        watches=Watches(store, changes, clock),
        changes=changes,
        quota=TokenBuckets(capacity=per_hour, per_hour=per_hour, clock=clock),
        pages=PageTokens(settings.secrets.text("page-tokens").encode()),
        clock=clock,
    )


def main() -> None:
    """Serve booking until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong, or a port is taken.
    """
    settings = load(BookingSettings)
    configure(settings, "booking")
    uvloop.run(_run(settings))


async def _run(settings: BookingSettings) -> None:
    endpoint, probes = endpoint_of(settings, "booking_port"), endpoint_of(settings, "booking_http_port")
    async with grpc_service(settings) as booking:
        await serve(booking, settings, endpoint=endpoint, probes=probes)
