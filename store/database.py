"""One database: SQLite in a file, or PostgreSQL. Where it is, how it is written to, and what its errors mean.

All writing goes through one gate: BEGIN IMMEDIATE on SQLite, an advisory lock on PostgreSQL. So ids and log entries
become visible in their order, and nothing is decided on what another writer is about to change.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from amfn.types import InputError
from store.failures import busy, explained
from store.migrations import migrate

ADDRESSES = "sqlite:///folder/file.db or postgresql://user:password@host/database"
WAIT_S = 30
# Any number will do, as long as all processes of this program take the same one.
GATE = 7_061_998


class Database:
    """An engine with its one writer at a time. `place` names it in messages, without its password."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine, self.place = engine, place
        self._writer = engine.execution_options(writes=True)
        self._gate = threading.Lock()

    @classmethod
    def open(cls, url: str | None = None, create: bool = True) -> Database:
        """The database at `url` (None: DATABASE_URL, else the user's data folder), its tables brought up to date."""
        address = where(url if url is not None else os.environ.get("DATABASE_URL"))
        sqlite = address.drivername == "sqlite"
        place = _shown(address)
        if sqlite and not create and not Path(place).is_file():
            raise InputError(place, "there is no such file", "a store", "Set DATABASE_URL to the one you mean.")
        database = cls(_sqlite(address) if sqlite else _postgresql(address), place)
        try:
            with database._begun() as connection:
                migrate(connection, place, create)
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with self._explaining(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that alone may write. It is committed at the end, or leaves nothing."""
        with self._begun() as connection, Session(connection) as session:
            yield session
            session.flush()

    def forget_erased(self) -> None:
        """Overwrite what was erased in SQLite's journal too; where someone is reading, the next time does it."""
        if self._engine.dialect.name == "sqlite":
            with suppress(sqlite3.OperationalError), self._engine.connect() as connection:
                _plainly(connection, "PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        # Threads of this process queue here: a lock wakes the next one at once, where SQLite would look again later.
        if not self._gate.acquire(timeout=WAIT_S):
            raise busy(self.place)
        try:
            with self._explaining(), self._writer.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:gate)"), {"gate": GATE})
                yield connection
        finally:
            self._gate.release()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, NoConnection) as error:
            raise explained(error, self.place) from error


def where(url: str | None) -> URL:
    """The address to use. InputError for one that is neither SQLite in a file nor PostgreSQL."""
    if not url:
        return URL.create("sqlite", database=str(_own_file()))
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        # The address itself is not repeated: it may hold a password.
        raise InputError("DATABASE_URL", "a text that is no address", ADDRESSES, "Correct it, or unset it.") from error
    match address.drivername:
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return address.set(drivername="postgresql+psycopg")
        case "sqlite" | "sqlite+pysqlite" if address.database not in (None, "", ":memory:") and not address.query:
            return address.set(drivername="sqlite", database=str(Path(str(address.database)).expanduser().absolute()))
        case "sqlite" | "sqlite+pysqlite":
            raise InputError("DATABASE_URL", "SQLite without a file", ADDRESSES, "Name the file.")
    raise InputError("DATABASE_URL", f"an address of {address.drivername!r}", ADDRESSES, "Correct it, or unset it.")


def _shown(address: URL) -> str:
    """The address for a message: the file, or the server without its password, which may stand in the query too."""
    if address.drivername == "sqlite":
        return str(address.database)
    query = {name: value for name, value in address.query.items() if name in ("host", "port")}
    return address.set(drivername="postgresql", query=query).render_as_string()


def _own_file() -> Path:
    folder = Path(platformdirs.user_data_dir("fusionscope", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            folder,
            f"the folder cannot be made ({error.strerror})",
            "a place that can be written",
            "Set DATABASE_URL to another place.",
        ) from error
    return folder / "store.db"


def _postgresql(address: URL) -> Engine:
    options = f"-c lock_timeout={WAIT_S}s -c idle_in_transaction_session_timeout={2 * WAIT_S}s"
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_timeout=WAIT_S,
        connect_args={"connect_timeout": 10, "options": options, "application_name": "fusionscope"},
    )


def _sqlite(address: URL) -> Engine:
    engine = create_engine(address, pool_timeout=WAIT_S, connect_args={"timeout": WAIT_S})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: see _on_begin
    # Bytes that are no UTF-8 were put there by hand. They are to be found by the check of the log, not to stop it.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    cursor = connection.cursor()
    _until_free(cursor, "PRAGMA journal_mode=WAL")
    for pragma in ("foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _until_free(cursor: Any, statement: str) -> None:
    """SQLite does not wait for others when it changes the journal's mode: this does."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            cursor.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _on_begin(connection: Connection) -> None:
    # A transaction that reads first and then wants to write is refused at once when another wrote meanwhile.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _plainly(connection: Connection, statement: str) -> None:
    """Run what may not stand inside a transaction."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(statement)
