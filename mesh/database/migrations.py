"""Schema migrations with Alembic, in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database.engine import open_engine
from mesh.database.transactions import writing

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK = 0x319A7E
"""Key of the PostgreSQL lock under which one process at a time migrates a database."""


async def migrate(url: str, migrations: Path) -> None:
    """Upgrade a database to the newest schema.

    `migrations` is an Alembic script folder whose `env.py` calls `run_migrations`.
    """
    # Imported here, because the import takes half a second.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations))
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _without_foreign_keys)
    try:
        async with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.run_sync(_upgrade, config)
    finally:
        await engine.dispose()


def _without_foreign_keys(connection: Any, _record: Any) -> None:
    # To change a SQLite table, Alembic copies and drops it. The drop must not delete rows of other tables.
    # `_upgrade` checks the foreign keys afterwards.
    connection.execute("PRAGMA foreign_keys=OFF").close()


def _upgrade(connection: Connection, config: Config) -> None:
    from alembic import command

    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise RuntimeError(f"after the migrations, a row of {broken[0]} violates a foreign key")


def run_migrations() -> None:
    """Run the migrations in the transaction that `migrate` opened. Called by `env.py`."""
    from alembic import context

    context.configure(
        connection=context.config.attributes["connection"], render_as_batch=True, transactional_ddl=True
    )
    context.run_migrations()


async def migrated(url: str, migrations: Path) -> AsyncEngine:
    """Migrate a database and return an engine for it."""
    await migrate(url, migrations)
    return open_engine(url)
