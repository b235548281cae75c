"""The database of conversations. All of the service's SQL is here, except in the migrations."""

from services.conversation.store.engine import Store
from services.conversation.store.transactions import Transaction

__all__ = ["Store", "Transaction"]
