"""The parts of a replica put together over its neighbours: store, bus, log, calls, streams, and the work that goes on beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from mesh.clock import Clock
from mesh.contracts.page_tokens import PageTokens
from mesh.database.migrations import migrated
from services.conversation.background import Work, beside
from services.conversation.calls.calls import Calls
from services.conversation.calls.cleanup import Leftovers
from services.conversation.calls.grant_vault import GrantVault
from services.conversation.calls.holds import Holds
from services.conversation.calls.late_tickets import LateTickets
from services.conversation.calls.leases import Lease, Replicas, new_replica_id
from services.conversation.calls.ports import Grants, Rooms
from services.conversation.calls.supervision import CallWatcher
from services.conversation.deletion import Deleting
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.model.cursors import Cursors
from services.conversation.record.stream import RecordStreams
from services.conversation.retention import forget
from services.conversation.search.indexing import Indexing
from services.conversation.search.searching import Searching
from services.conversation.servicer import ConversationServicer
from services.conversation.settings import ConversationSettings
from services.conversation.store import Store
from services.conversation.watch.backstop import backstop, look
from services.conversation.watch.redis_wakeups import RedisWakeUps
from services.conversation.watch.stream import WatchStreams
from services.conversation.watch.wakeups import LocalWakeUps
from services.conversation.watch.watching import Watching

MIGRATIONS = Path(__file__).parent / "migrations"


class Replica:
    """A replica's parts, over its neighbours."""

    def __init__(
        self,
        settings: ConversationSettings,
        store: Store,
        bus: LocalWakeUps,
        rooms: Rooms,
        grants: Grants,
        clock: Clock,
        incarnation: bytes,
    ) -> None:
        self._settings, self._store, self._bus, self._clock = settings, store, bus, clock
        self._incarnation, replica_id = incarnation, new_replica_id()
        self._holds = Holds(bus.hint_call)
        self._log, self._watching = TranscriptLog(store, bus, clock), Watching(store, bus, clock)
        self._vault = GrantVault(settings.secrets.text("grants"))
        self._calls = Calls(self._log, store, rooms, grants, self._vault, self._holds, replica_id)
        self._lease, self._leftovers = (
            Lease(replica_id, store, self._holds, clock),
            Leftovers(store, rooms, grants, clock),
        )
        self._watcher = CallWatcher(self._log, store, rooms, self._holds, Replicas(replica_id, clock), clock)
        self._indexing = Indexing(store, clock)
        self._holds.notify(self._leftovers.left)
        bus.on_call_hint(self._lease.hear)

    def servicer(self) -> ConversationServicer:
        """What callers reach."""
        secrets = self._settings.secrets
        cursors, tickets = (
            Cursors(secrets.text("cursors").encode(), self._incarnation),
            LateTickets(secrets.text("grants")),
        )
        return ConversationServicer(
            store=self._store,
            log=self._log,
            calls=self._calls,
            tickets=tickets,
            records=RecordStreams(self._log, self._calls, self._holds, tickets),
            watches=WatchStreams(
                self._watching, cursors, self._clock, self._settings.watcher_patience_seconds
            ),
            searching=Searching(self._store, self._indexing),
            deleting=Deleting(self._store, self._bus, self._calls, self._clock),
            pages=PageTokens(secrets.text("page-tokens").encode()),
        )

    def works(self) -> dict[str, Work]:
        """What goes on beside the calls, by name."""
        return {
            "calls": self._watcher.run,
            "lease": self._lease.run,
            "leftovers": self._leftovers.run,
            "heartbeats": self._watching.heartbeats,
            "backstop": partial(
                backstop, self._store, self._bus, self._clock, self._settings.conversation_poll_seconds
            ),
            "forgetting": partial(forget, self._store, self._clock),
            "indexing": self._indexing.run,
        }

    async def drain(self) -> None:
        """Ends watches and records, so that they move to another replica, after what they handed in is stored and acknowledged."""
        self._watching.drain()
        self._holds.drain()
        await self._log.settled()


@asynccontextmanager
async def replica(
    settings: ConversationSettings, rooms: Rooms, grants: Grants, clock: Clock
) -> AsyncIterator[Replica]:
    """A replica at work; its database is migrated first and closed afterwards."""
    async with AsyncExitStack() as stack:
        engine = await migrated(settings.database_url, MIGRATIONS)
        stack.push_async_callback(engine.dispose)
        store, bus = Store(engine), LocalWakeUps()
        incarnation = await store.incarnation()
        assembled = Replica(settings, store, bus, rooms, grants, clock, incarnation)
        works = assembled.works()
        if settings.redis_url:
            relay = RedisWakeUps(settings.redis_url, bus, incarnation, clock, partial(look, store, bus))
            stack.push_async_callback(relay.aclose)
            bus.relay = relay
            works |= {"publishing": relay.publish, "subscription": relay.subscribe}
        await stack.enter_async_context(beside(clock, **works))
        yield assembled
