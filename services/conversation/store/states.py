"""Reading what a process must know of logs before it appends to them: see `log_states`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select

from services.conversation.log.states import RECOGNISED, CustomerState, LogState
from services.conversation.model.chunks import Packing, PageRow, items_of
from services.conversation.model.drafts import fingerprint, id_bytes
from services.conversation.model.records import Conversation, FeedEnd, OpenSpeech
from services.conversation.model.times import micros_of
from services.conversation.store.reads import from_page_of, page_row, pages_query, run_of
from services.conversation.store.schema import conversations, feed_runs, feeds, log_pages, open_utterances
from services.conversation.store.transactions import Transaction

AT_ONCE = 50
"""Conversations whose pages are asked for in one statement."""


async def states_of_calls(
    transaction: Transaction, call_ids: Collection[str], logs: Mapping[str, LogState]
) -> list[CustomerState]:
    """What is to be known to write in these calls, by customer. `logs` are those that were known before, by conversation id.

    The transaction is to see one state throughout, so that what is read here is as of the versions: what changes afterwards is found out
    when something is written.
    """
    calls = await transaction.calls(call_ids)
    states = await _customers(transaction, {call.customer_id for call in calls})
    found = await _conversations(transaction, {call.conversation_key for call in calls})
    for log in await _logs(transaction, found, logs, recognised=RECOGNISED):
        states[log.conversation.customer_id].logs[log.conversation.conversation_id] = log
    for call in calls:
        states[call.customer_id].calls[call.call_id] = call
    return list(states.values())


async def state_of_conversation(transaction: Transaction, conversation: Conversation) -> CustomerState:
    """What is to be known to add changes of state to a log."""
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
    last = select(feed_runs.c.customer_id, func.max(feed_runs.c.first_position).label("position"))
    last_run = (
        last.where(feed_runs.c.customer_id.in_(customer_ids)).group_by(feed_runs.c.customer_id).subquery()
    )
    is_last = and_(
        feed_runs.c.customer_id == last_run.c.customer_id, feed_runs.c.first_position == last_run.c.position
    )
    for row in await transaction.connection.execute(select(feed_runs).join(last_run, is_last)):
        states[row.customer_id].run = run_of(row)
    return states


async def _conversations(transaction: Transaction, keys: Collection[int]) -> list[Conversation]:
    rows = await transaction.connection.execute(select(conversations).where(conversations.c.key.in_(keys)))
    return [Conversation(**row._mapping) for row in rows]


async def _logs(
    transaction: Transaction, found: Sequence[Conversation], known: Mapping[str, LogState], *, recognised: int
) -> list[LogState]:
    logs = {
        conversation.key: _beginning(conversation, known.get(conversation.conversation_id))
        for conversation in found
    }
    spoken = select(open_utterances).where(open_utterances.c.conversation_key.in_(logs))
    order = (open_utterances.c.start_time, open_utterances.c.utterance_id)
    for row in await transaction.connection.execute(spoken.order_by(*order)):
        logs[row.conversation_key].opened[id_bytes(row.utterance_id)] = OpenSpeech(**row._mapping)
    waiting = list(logs.values())
    while waiting:
        some, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        wanted = [
            _pages_wanted(log, known.get(log.conversation.conversation_id), recognised)
            for log in some
            if log.head
        ]
        if wanted:
            query = (
                pages_query()
                .where(or_(*wanted))
                .order_by(log_pages.c.conversation_key, log_pages.c.first_number)
            )
            for row in await transaction.connection.execute(query):
                _take_in(logs[row.conversation_key], page_row(row), recognised=bool(recognised))
    return list(logs.values())


def _beginning(conversation: Conversation, known: LogState | None) -> LogState:
    number, update_time = conversation.last_number, micros_of(conversation.update_time)
    return LogState(
        conversation, number, update_time, conversation.title, None, {} if known is None else known.known
    )


def _pages_wanted(log: LogState, before: LogState | None, recognised: int) -> ColumnElement[bool]:
    new = log.head - recognised + 1 if before is None else max(before.head + 1, log.head - recognised + 1)
    # The page of the last entry always: the next entry goes onto it.
    first = min(log.head, new)
    return and_(
        log_pages.c.conversation_key == log.conversation.key, from_page_of(log.conversation.key, first)
    )


def _take_in(log: LogState, page: PageRow, *, recognised: bool) -> None:
    log.page = page if page.packing is Packing.PLAIN else None
    if recognised:
        for number, item in enumerate(items_of(page), page.first_number):
            start = page.commit_time + item.commit_offset - item.start_offset
            log.known[item.entry_id] = (
                number,
                fingerprint(item.kind, start, start + item.length, item.content),
            )
