"""Run by Alembic; the connection and its transaction come from `mesh.database.migrations.migrate`."""

from mesh.database.migrations import run_migrations

run_migrations()
