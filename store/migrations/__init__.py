"""Bringing a database to the tables of this program, from nothing or from an earlier version."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from amfn.types import InputError
from store.tables import Base

# A name of our own: the database may hold another program's tables and Alembic's usual table beside them.
VERSION_TABLE = "fusionscope_version"
FOLDER = Path(__file__).resolve().parent
# Alembic keeps what it works on in its module: one thread at a time. Other processes wait for the transaction.
_ALEMBIC = threading.Lock()


def migrate(connection: Connection, place: str, create: bool = True) -> None:
    """Run what is missing, inside the transaction that the caller has begun and that keeps other processes out.

    InputError for a schema newer than this program, for tables of the same names that are not ours, and where
    `create` is off and nothing is there.
    """
    with _ALEMBIC:
        config = Config()
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        scripts = ScriptDirectory.from_config(config)
        found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
        if set(found) == set(scripts.get_heads()):
            return
        known = {script.revision for script in scripts.walk_revisions()}
        if set(found) - known:
            raise InputError(
                place,
                f"a store of version {', '.join(sorted(found))}, made by a newer program",
                f"version {scripts.get_current_head()} or an earlier one",
                "Update this program, or set DATABASE_URL to another store.",
            )
        if not found:
            _require_free(connection, place, create)
        command.upgrade(config, "head")


def _require_free(connection: Connection, place: str, create: bool) -> None:
    if not create:
        raise InputError(
            place, "nothing of this program is stored there", "a store", "Set DATABASE_URL to the one you mean."
        )
    strangers = sorted(set(inspect(connection).get_table_names()) & set(Base.metadata.tables))
    if strangers:
        raise InputError(
            place,
            f"tables of another program ({', '.join(strangers)})",
            "an empty database, or a store made by this program",
            "Set DATABASE_URL to a database of its own.",
        )
