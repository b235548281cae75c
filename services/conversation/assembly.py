"""Assembly of a replica from its parts and background tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mesh.background import Task, run_in_background
from mesh.clock import Clock
from mesh.contracts.page_tokens import PageTokens
from mesh.database.migrations import migrated
from mesh.deleted_customers import DeletedCustomers, delete_customers
from services.conversation.calls.calls import Calls
from services.conversation.calls.cleanup import CallCleanup
from services.conversation.calls.grants import GrantCipher
from services.conversation.calls.holds import Holds
from services.conversation.calls.ports import Grants, Rooms
from services.conversation.calls.replica_leases import LiveReplicas, ReplicaLease, new_replica_id
from services.conversation.calls.supervision import CallSupervisor
from services.conversation.deletion import Deletion
from services.conversation.evidence.servicer import ConsentEvidenceServicer
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.log.writer_fence import LateTickets
from services.conversation.model.cursors import Cursors
from services.conversation.record.servicer import CallRecordServicer
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


class Replica(NamedTuple):
    """A running replica."""

    servicer: ConversationServicer
    records: CallRecordServicer
    evidence: ConsentEvidenceServicer
    drain: Callable[[], Awaitable[None]]
    """End all streams, so that clients connect to another replica. Then wait until all appends are stored."""


@asynccontextmanager
async def replica(
    settings: ConversationSettings, rooms: Rooms, grants: Grants, deleted: DeletedCustomers, clock: Clock
) -> AsyncIterator[Replica]:
    """Migrate the database and run a replica until the block ends; then close the database."""
    async with AsyncExitStack() as stack:
        engine = await migrated(settings.database_url, MIGRATIONS)
        stack.push_async_callback(engine.dispose)
        limits, secrets, replica_id = settings.customer_limits, settings.secrets, new_replica_id()
        store, bus = Store(engine, waiting=limits.slow_requests), LocalBus()
        incarnation, holds = await store.incarnation(), Holds(bus.hint_call)
        log, followers = TranscriptLog(store, bus, clock), Followers(store, bus, clock)
        cipher, tickets = GrantCipher(secrets.text("grants")), LateTickets(secrets.text("grants"))
        calls = Calls(log, store, rooms, grants, cipher, holds, replica_id, clock, limits)
        lease, cleanup = (
            ReplicaLease(replica_id, store, holds, clock),
            CallCleanup(store, rooms, grants, clock),
        )
        supervisor = CallSupervisor(log, store, rooms, holds, LiveReplicas(replica_id, clock), clock)
        indexing = Indexing(store, clock)
        deletion = Deletion(store, bus, calls, clock)
        cursors = Cursors(secrets.text("cursors").encode(), incarnation)
        holds.on_change(cleanup.call_ended)
        bus.on_call_hint(lease.receive_hint)
        tasks: dict[str, Task] = {
            "supervision": supervisor.run,
            "lease": lease.run,
            "cleanup": cleanup.run,
            "heartbeats": followers.wheel.run,
            "backstop": partial(backstop, store, bus, clock, settings.conversation_poll_seconds),
            "retention": partial(purge, store, clock),
            "indexing": indexing.run,
            "erasure": deletion.run,
            "deleted customers": partial(delete_customers, deleted, deletion.delete_all, clock),
        }
        if settings.redis_url:
            catch_up = partial(poll, store, bus, missed=True)
            relay = RedisRelay(settings.redis_url, bus, incarnation, clock, catch_up)
            stack.push_async_callback(relay.aclose)
            bus.relay = relay
            tasks |= {"publishing": relay.publish, "subscription": relay.subscribe}
        servicer = ConversationServicer(
            store=store,
            log=log,
            calls=calls,
            watches=WatchStreams(followers, cursors, clock, settings.watcher_patience_seconds),
            search=EntrySearch(store, indexing),
            deletion=deletion,
            pages=PageTokens(secrets.text("page-tokens").encode()),
            limits=limits,
            clock=clock,
        )

        records = CallRecordServicer(store, log, tickets, RecordStreams(log, calls, holds, tickets))

        async def drain() -> None:
            followers.drain()
            holds.drain()
            await log.settled()

        await stack.enter_async_context(run_in_background(clock, **tasks))
        yield Replica(servicer, records, ConsentEvidenceServicer(store, clock), drain)
