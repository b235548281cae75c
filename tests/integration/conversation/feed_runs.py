"""A customer's feed as its rows have it."""

from __future__ import annotations

from sqlalchemy import select

from services.conversation.model.feeds import FeedRun
from services.conversation.store import Transaction
from services.conversation.store.reads import run_of
from services.conversation.store.schema import feed_runs as table


async def feed_runs(transaction: Transaction, customer_id: str) -> list[FeedRun]:
    """All runs of a customer's feed, in order."""
    query = select(table).where(table.c.customer_id == customer_id).order_by(table.c.first_position)
    return [run_of(row) for row in await transaction.connection.execute(query)]
