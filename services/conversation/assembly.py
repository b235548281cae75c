"""Assembly of a replica: its parts, and its background tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from mesh.clock import Clock
from mesh.contracts.page_tokens import PageTokens
from mesh.database.migrations import migrated
from services.conversation.background import Task, run_in_background
from services.conversation.calls.calls import Calls
from services.conversation.calls.cleanup import CallCleanup
from services.conversation.calls.grants import GrantCipher
from services.conversation.calls.holds import Holds
from services.conversation.calls.ports import Grants, Rooms
from services.conversation.calls.replica_leases import LiveReplicas, ReplicaLease, new_replica_id
from services.conversation.calls.supervision import CallSupervisor
from services.conversation.deletion import Deletion
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.log.writer_fence import LateTickets
from services.conversation.model.cursors import Cursors
from services.conversation.record.stream import RecordStreams
from services.conversation.retention import purge
from services.conversation.search.entry_search import EntrySearch
from services.conversation.search.indexing import Indexing
from services.conversation.servicer import ConversationServicer
from services.conversation.settings import ConversationSettings
from services.conversation.store import Store
from services.conversation.watch.backstop import backstop, poll
from services.conversation.watch.follower import Followers
from services.conversation.watch.redis_wakeups import RedisRelay
from services.conversation.watch.stream import WatchStreams
from services.conversation.watch.wakeups import LocalBus

MIGRATIONS = Path(__file__).parent / "migrations"


class Replica:
    """Parts of one replica."""

    def __init__(
        self,
        settings: ConversationSettings,
        store: Store,
        bus: LocalBus,
        rooms: Rooms,
        grants: Grants,
        clock: Clock,
        incarnation: bytes,
    ) -> None:
        self._settings, self._store, self._bus, self._clock = settings, store, bus, clock
        self._incarnation, replica_id = incarnation, new_replica_id()
        self._holds = Holds(bus.hint_call)
        self._log, self._followers = TranscriptLog(store, bus, clock), Followers(store, bus, clock)
        cipher = GrantCipher(settings.secrets.text("grants"))
        self._calls = Calls(self._log, store, rooms, grants, cipher, self._holds, replica_id)
        self._lease = ReplicaLease(replica_id, store, self._holds, clock)
        self._cleanup = CallCleanup(store, rooms, grants, clock)
        self._supervisor = CallSupervisor(
            self._log, store, rooms, self._holds, LiveReplicas(replica_id, clock), clock
        )
        self._indexing = Indexing(store, clock)
        self._holds.notify(self._cleanup.call_ended)
        bus.on_call_hint(self._lease.receive_hint)

    def servicer(self) -> ConversationServicer:
        """Return the gRPC servicer."""
        secrets = self._settings.secrets
        cursors = Cursors(secrets.text("cursors").encode(), self._incarnation)
        tickets = LateTickets(secrets.text("grants"))
        return ConversationServicer(
            store=self._store,
            log=self._log,
            calls=self._calls,
            tickets=tickets,
            records=RecordStreams(self._log, self._calls, self._holds, tickets),
            watches=WatchStreams(
                self._followers, cursors, self._clock, self._settings.watcher_patience_seconds
            ),
            search=EntrySearch(self._store, self._indexing),
            deletion=Deletion(self._store, self._bus, self._calls, self._clock),
            pages=PageTokens(secrets.text("page-tokens").encode()),
        )

    def background_tasks(self) -> dict[str, Task]:
        """Return the background tasks by name."""
        return {
            "supervision": self._supervisor.run,
            "lease": self._lease.run,
            "cleanup": self._cleanup.run,
            "heartbeats": self._followers.wheel.run,
            "backstop": partial(
                backstop, self._store, self._bus, self._clock, self._settings.conversation_poll_seconds
            ),
            "retention": partial(purge, self._store, self._clock),
            "indexing": self._indexing.run,
        }

    async def drain(self) -> None:
        """End all streams, so that clients move to another replica, and wait until drafts are stored."""
        self._followers.drain()
        self._holds.drain()
        await self._log.settled()


@asynccontextmanager
async def replica(
    settings: ConversationSettings, rooms: Rooms, grants: Grants, clock: Clock
) -> AsyncIterator[Replica]:
    """Run a replica; its database is migrated first and closed at the end."""
    async with AsyncExitStack() as stack:
        engine = await migrated(settings.database_url, MIGRATIONS)
        stack.push_async_callback(engine.dispose)
        store, bus = Store(engine), LocalBus()
        incarnation = await store.incarnation()
        assembled = Replica(settings, store, bus, rooms, grants, clock, incarnation)
        tasks = assembled.background_tasks()
        if settings.redis_url:
            relay = RedisRelay(settings.redis_url, bus, incarnation, clock, partial(poll, store, bus))
            stack.push_async_callback(relay.aclose)
            bus.relay = relay
            tasks |= {"publishing": relay.publish, "subscription": relay.subscribe}
        await stack.enter_async_context(run_in_background(clock, **tasks))
        yield assembled
