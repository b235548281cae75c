"""Client of Readback: flights, calls and live transcripts over gRPC.

    from readback_client import Client, booking, conversation, flightdata, identity

`Client` is for asyncio, `SyncClient` for other programs. `booking`, `conversation`, `flightdata` and
`identity` have the dataclasses of the contracts, `error_reasons` an exception for each error.
"""

from readback_client.client import Client
from readback_client.connection import Addresses
from readback_client.contracts import from_json, to_json
from readback_client.errors import ReadbackError
from readback_client.gen import error_reasons
from readback_client.gen.google.type import Date, Money, TimeOfDay
from readback_client.gen.readback.booking import v1 as booking
from readback_client.gen.readback.conversation import v1 as conversation
from readback_client.gen.readback.flightdata import v1 as flightdata
from readback_client.gen.readback.identity import v1 as identity
from readback_client.session import CredentialsFile, CredentialsInMemory, NotSignedIn
from readback_client.sync_client import SyncClient
from readback_client.watcher import Connection, CursorExpired

__all__ = [
    "Addresses",
    "Client",
    "Connection",
    "CredentialsFile",
    "CredentialsInMemory",
    "CursorExpired",
    "Date",
    "Money",
    "NotSignedIn",
    "ReadbackError",
    "SyncClient",
    "TimeOfDay",
    "booking",
    "conversation",
    "error_reasons",
    "flightdata",
    "from_json",
    "identity",
    "to_json",
]
