"""The database, and the only SQL. Leaving a write `Transaction` commits it; nothing is acknowledged before."""

from services.conversation.store.engine import Store
from services.conversation.store.transactions import Transaction

__all__ = ["Store", "Transaction"]
