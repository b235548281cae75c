"""Alembic's entry point. It runs the migrations; see `mesh.database.migrations.migrate`."""

from mesh.database.migrations import run_migrations

run_migrations()
