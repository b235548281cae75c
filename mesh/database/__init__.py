"""Databases: engines, transactions, migrations, and idempotent requests."""
