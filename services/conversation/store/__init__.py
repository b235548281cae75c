"""The database, and the only SQL. A `Transaction` reads and writes; leaving it commits, and only then is anything acknowledged."""

from services.conversation.store.engine import Store
from services.conversation.store.transactions import Transaction

__all__ = ["Store", "Transaction"]
