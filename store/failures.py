"""What a database's error means to whoever reads it."""

from __future__ import annotations

import sqlite3
import textwrap

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from amfn.types import InputError

_FULL = ("the disk is full", "some free space", "Free some space and try again: nothing was half-written.")
_BUSY = ("the store is busy", "a turn within 30 seconds", "Try again in a moment: nothing was half-written.")
_READ_ONLY = (
    "it cannot be written to",
    "a place that can be written",
    "Correct the permissions, or set DATABASE_URL to another place.",
)
_NOT_OPENED = (
    "it cannot be opened",
    "a file in a folder that exists and can be written",
    "Make the folder, or set DATABASE_URL to another place.",
)
_FOREIGN = (
    "the file is no SQLite database, or it is damaged",
    "a store made by this program",
    "Restore a copy, or set DATABASE_URL to another file.",
)
_DISK = ("the disk cannot be read or written", "a disk in order", "Check the disk and its free space, then try again.")
_UNREACHED = (
    "the PostgreSQL server does not answer or does not let us in",
    "a running server, a database that exists and a user with the right password",
    "Check the server and DATABASE_URL.",
)
_DENIED = ("the database user may not do this", "a user that may make and fill tables", "Grant it, or change the user.")

# Primary result codes: sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _NOT_OPENED,
    sqlite3.SQLITE_NOTADB: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: _FOREIGN,
    sqlite3.SQLITE_IOERR: _DISK,
}
# SQLSTATE, by prefix: postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "53100": _FULL,
    "53300": _BUSY,
    "55P03": _BUSY,
    "25006": _READ_ONLY,
    "42501": _DENIED,
    "08": _UNREACHED,
    "57P": _UNREACHED,
    "28": _UNREACHED,
    "3D": _UNREACHED,
}


def busy(place: str) -> InputError:
    return InputError(place, *_BUSY)


def explained(error: DBAPIError | NoConnection, place: str) -> Exception:
    """The InputError that says what happened and how to mend it; the error itself where it is not the place's fault."""
    if isinstance(error, NoConnection):
        return busy(place)
    came = error.orig
    code = getattr(came, "sqlite_errorcode", None)
    if code is not None:
        said = _SQLITE.get(code & 0xFF)
        return error if said is None else InputError(place, *said)
    state = getattr(came, "sqlstate", None)
    if state is None:
        # Without a code of the server's: the driver never reached it, or lost it.
        unreached = error.statement is None or error.connection_invalidated
        return InputError(place, f"{_UNREACHED[0]} ({_one_line(came)})", *_UNREACHED[1:]) if unreached else error
    return next((InputError(place, *said) for start, said in _POSTGRESQL.items() if state.startswith(start)), error)


def _one_line(error: object) -> str:
    return textwrap.shorten(str(error), 400)
