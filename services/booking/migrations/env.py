"""Entry point for Alembic, called by `mesh.database.migrations.migrate`."""

from mesh.database.migrations import run_migrations

run_migrations()
