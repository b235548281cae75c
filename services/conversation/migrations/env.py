"""Runs the migrations; see `mesh.database.migrate`."""

from mesh.database import run_migrations

run_migrations()
