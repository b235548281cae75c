"""Run by Alembic; the connection and its transaction come from `mesh.database.migrate`."""

from mesh.database import run_migrations

run_migrations()
