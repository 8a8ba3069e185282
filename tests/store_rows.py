"""Reaching round the store, as someone with the database's file or its password would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import NullPool

from store.database import where

TRIGGERS = ("log_keeps_entries", "log_loses_no_entry", "log_replaces_no_entry")


@contextmanager
def database(url: str) -> Iterator[Connection]:
    """A transaction of our own, committed at the end."""
    engine = create_engine(where(url), poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        # The driver's own way to begin leaves DDL outside of the transaction.
        event.listen(engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        yield connection


@contextmanager
def unguarded(url: str) -> Iterator[Connection]:
    """The same, with the log's guards taken away for as long as it lasts, and for good on SQLite."""
    with database(url) as connection:
        if connection.dialect.name == "sqlite":
            for name in TRIGGERS:
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            connection.execute(text("ALTER TABLE log DISABLE TRIGGER ALL"))
        yield connection
