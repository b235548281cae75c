"""The database, and the only SQL. A write `Transaction` commits when its block ends."""

from services.conversation.store.engine import Store
from services.conversation.store.transactions import Transaction

__all__ = ["Store", "Transaction"]
