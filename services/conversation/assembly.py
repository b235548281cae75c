"""The parts of a replica put together over its neighbours: store, bus, log, calls, streams, and the work that goes on beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mesh.clock import Clock
from mesh.database import migrated
from mesh.paging import PageTokens
from services.conversation.background import Work, beside
from services.conversation.backstop import backstop, look
from services.conversation.calls import Calls
from services.conversation.cursors import Cursors
from services.conversation.deleting import Deleting
from services.conversation.forgetting import forget
from services.conversation.grant_vault import GrantVault
from services.conversation.holds import Holds
from services.conversation.indexing import Indexing
from services.conversation.late_tickets import LateTickets
from services.conversation.leases import Lease, Replicas, new_replica_id
from services.conversation.leftovers import Leftovers
from services.conversation.log import TranscriptLog
from services.conversation.ports import Grants, Rooms
from services.conversation.record_stream import RecordStreams
from services.conversation.redis_wakeups import RedisWakeUps
from services.conversation.searching import Searching
from services.conversation.servicer import ConversationServicer
from services.conversation.settings import ConversationSettings
from services.conversation.store import Store
from services.conversation.takeover import CallWatcher
from services.conversation.wakeups import LocalWakeUps
from services.conversation.watch_stream import WatchStreams
from services.conversation.watching import Watching

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Replica:
    """A running replica."""

    servicer: ConversationServicer
    watching: Watching
    holds: Holds
    log: TranscriptLog

    async def drain(self) -> None:
        """Ends watches and records, so that they move to another replica, after what they handed in is stored and acknowledged."""
        self.watching.drain()
        self.holds.drain()
        await self.log.settled()


@asynccontextmanager
async def replica(settings: ConversationSettings, rooms: Rooms, grants: Grants, clock: Clock) -> AsyncIterator[Replica]:
    """A replica at work; its database is migrated first and closed afterwards."""
    async with AsyncExitStack() as stack:
        engine = await migrated(settings.database_url, MIGRATIONS)
        stack.push_async_callback(engine.dispose)
        store, bus, replica_id, secrets = Store(engine), LocalWakeUps(), new_replica_id(), settings.secrets
        incarnation = await store.incarnation()
        holds = Holds(bus.hint_call)
        log, watching = TranscriptLog(store, bus, clock), Watching(store, bus, clock)
        calls = Calls(log, store, rooms, grants, GrantVault(secrets.text("grants")), holds, replica_id)
        lease, leftovers = Lease(replica_id, store, holds, clock), Leftovers(store, rooms, grants, clock)
        watcher = CallWatcher(log, store, rooms, holds, Replicas(replica_id, clock), clock)
        cursors, tickets = Cursors(secrets.text("cursors").encode(), incarnation), LateTickets(secrets.text("grants"))
        indexing = Indexing(store, clock)
        holds.notify(leftovers.left)
        bus.on_call_hint(lease.hear)
        servicer = ConversationServicer(
            store=store,
            log=log,
            calls=calls,
            tickets=tickets,
            records=RecordStreams(log, calls, holds, tickets),
            watches=WatchStreams(watching, cursors, clock, settings.watcher_patience_seconds),
            searching=Searching(store, indexing),
            deleting=Deleting(store, bus, calls, clock),
            pages=PageTokens(secrets.text("page-tokens").encode()),
        )
        works: dict[str, Work] = {
            "calls": watcher.run,
            "lease": lease.run,
            "leftovers": leftovers.run,
            "heartbeats": watching.heartbeats,
            "backstop": partial(backstop, store, bus, clock, settings.conversation_poll_seconds),
            "forgetting": partial(forget, store, clock),
            "indexing": indexing.run,
        }
        if settings.redis_url:
            relay = RedisWakeUps(settings.redis_url, bus, incarnation, clock, partial(look, store, bus))
            stack.push_async_callback(relay.aclose)
            bus.relay = relay
            works |= {"publishing": relay.publish, "subscription": relay.subscribe}
        await stack.enter_async_context(beside(clock, **works))
        yield Replica(servicer, watching, holds, log)
