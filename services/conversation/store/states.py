"""Reads of the log states on which appends are planned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select

from services.conversation.model.chunks import Packing
from services.conversation.model.entries import fingerprint
from services.conversation.model.feeds import FeedEnd
from services.conversation.model.log_state import RECOGNISED, CustomerState, LogState
from services.conversation.model.records import Conversation
from services.conversation.model.times import micros_of
from services.conversation.store.reads import chunk_of, chunks_query, from_chunk_of, revision_of, run_of
from services.conversation.store.schema import conversations, feed_runs, feeds, log_pages, open_utterances
from services.conversation.store.transactions import Transaction

LOGS_AT_ONCE = 50
"""Number of logs whose chunks are read in one query."""


async def states_of_calls(
    transaction: Transaction, call_ids: Collection[str], logs: Mapping[str, LogState]
) -> list[CustomerState]:
    """Return the states needed to append in these calls, one for each customer.

    All reads of the transaction must see one snapshot, so that each state matches its feed's version. The
    write detects changes after the snapshot.

    Args:
        logs: earlier states by conversation id. Their entry ids are not read again.
    """
    calls = await transaction.calls(call_ids)
    states = await _customers(transaction, {call.customer_id for call in calls})
    keys = {call.conversation_key for call in calls}
    rows = await transaction.connection.execute(select(conversations).where(conversations.c.key.in_(keys)))
    found = [Conversation(**row._mapping) for row in rows]
    for log in await _logs(transaction, found, logs, recognised=RECOGNISED):
        states[log.conversation.customer_id].logs[log.conversation.conversation_id] = log
    for call in calls:
        states[call.customer_id].calls[call.call_id] = call
    return list(states.values())


async def state_of_conversation(transaction: Transaction, conversation: Conversation) -> CustomerState:
    """Return the state needed to add entries with new ids, such as state changes, to a log."""
    states = await _customers(transaction, {conversation.customer_id})
    (log,) = await _logs(transaction, [conversation], {}, recognised=0)
    state = states[conversation.customer_id]
    state.logs[conversation.conversation_id] = log
    return state


async def _customers(transaction: Transaction, customer_ids: Collection[str]) -> dict[str, CustomerState]:
    ends = await transaction.connection.execute(select(feeds).where(feeds.c.customer_id.in_(customer_ids)))
    states = {
        row.customer_id: CustomerState(row.customer_id, FeedEnd(row.version, row.last_position), None)
        for row in ends
    }
    columns = (feed_runs.c.customer_id, func.max(feed_runs.c.first_position).label("position"))
    own = feed_runs.c.customer_id.in_(customer_ids)
    last = select(*columns).where(own).group_by(feed_runs.c.customer_id).subquery()
    is_last = and_(
        feed_runs.c.customer_id == last.c.customer_id, feed_runs.c.first_position == last.c.position
    )
    for row in await transaction.connection.execute(select(feed_runs).join(last, is_last)):
        states[row.customer_id].last_run = run_of(row)
    return states


async def _logs(
    transaction: Transaction, found: Sequence[Conversation], known: Mapping[str, LogState], *, recognised: int
) -> list[LogState]:
    """Read the states of these conversations' logs, with the ids of the last `recognised` entries."""
    logs = {conversation.key: _without_chunks(conversation, known) for conversation in found}
    query = select(open_utterances).where(open_utterances.c.conversation_key.in_(logs))
    order = (open_utterances.c.start_time, open_utterances.c.utterance_id)
    for row in await transaction.connection.execute(query.order_by(*order)):
        revision = revision_of(row)
        logs[row.conversation_key].open_utterances[revision.entry_id] = revision
    waiting = [log for log in logs.values() if log.head]
    while waiting:
        some, waiting = waiting[:LOGS_AT_ONCE], waiting[LOGS_AT_ONCE:]
        wanted = or_(*(_missing_chunks(log, known, recognised) for log in some))
        order = (log_pages.c.conversation_key, log_pages.c.first_number)
        for row in await transaction.connection.execute(chunks_query().where(wanted).order_by(*order)):
            log, chunk = logs[row.conversation_key], chunk_of(row)
            log.chunk = chunk if chunk.packing is Packing.PLAIN else None
            for number, item in enumerate(chunk.items() if recognised else (), chunk.first_number):
                start = chunk.commit_time + item.commit_offset - item.start_offset
                mark = fingerprint(item.kind, start, start + item.length, item.content)
                log.known[item.entry_id] = (number, mark)
    return list(logs.values())


def _without_chunks(conversation: Conversation, known: Mapping[str, LogState]) -> LogState:
    earlier = known.get(conversation.conversation_id)
    return LogState(
        conversation,
        conversation.last_number,
        micros_of(conversation.update_time),
        conversation.title,
        None,
        {} if earlier is None else earlier.known,
    )


def _missing_chunks(log: LogState, known: Mapping[str, LogState], recognised: int) -> ColumnElement[bool]:
    first = log.head - recognised + 1
    earlier = known.get(log.conversation.conversation_id)
    if earlier is not None:
        first = max(first, earlier.head + 1)
    key = log.conversation.key
    # Always includes the chunk of the last entry, because the next entry may be added to it.
    return and_(log_pages.c.conversation_key == key, from_chunk_of(key, min(log.head, first)))
