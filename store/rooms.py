"""Rooms: opened with a key for their leader, moved from step to step, closed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from amfn.types import InputError
from store import log
from store.checks import require_json, require_text
from store.tables import RoomRow
from store.types import Json, OpenedRoom, Room, RoomKind

# Read out and typed off a wall: nothing that looks like another (0 O, 1 I L, 2 Z, 5 S, 8 B, U V), and no vowels, so
# that no code is a word.
ALPHABET = "CDFGHJKMNPQRTWXY34679"
CODE_LENGTH = 6
EXAMPLE = "HKN47R"
LARGEST_STEP = 10_000


def open_room(session: Session, kind: RoomKind, subject: str, settings: Mapping[str, Json]) -> OpenedRoom:
    if kind not in get_args(RoomKind):
        raise InputError("room", f"kind {kind!r}", f"one of {', '.join(get_args(RoomKind))}", "Correct the kind.")
    kept = require_json("settings", dict(settings))
    code = _new_code()
    while session.get(RoomRow, code) is not None:
        code = _new_code()
    key = secrets.token_hex(16)
    row = RoomRow(
        code=code,
        kind=kind,
        subject=require_text("subject", subject),
        settings=kept,
        step=0,
        key_sha256=_hash(key),
        opened=datetime.now(UTC),
        closed=None,
    )
    session.add(row)
    log.append(session, "leader", "room opened", code, {"kind": kind, "subject": row.subject})
    return OpenedRoom(as_room(row), key)


def find(session: Session, code: str) -> RoomRow:
    """The room with this code, forgiving of case, blanks and dashes."""
    plain = "".join(character for character in str(code).upper() if character.isalnum())
    row = session.get(RoomRow, plain) if len(plain) == CODE_LENGTH and plain.isascii() else None
    if row is None:
        raise InputError(
            f"room {str(code).strip()[:40]!r}",
            "there is no such room",
            f"a code of {CODE_LENGTH} capitals and digits such as {EXAMPLE}, without vowels, 0, 1, 2, 5 and 8",
            "Check the code with whoever opened the room.",
        )
    return row


def find_open(session: Session, code: str) -> RoomRow:
    row = find(session, code)
    if row.closed is not None:
        raise InputError(
            f"room {row.code}",
            f"it was closed at {row.closed:%H:%M} UTC on {row.closed:%d %B %Y}",
            "a room that is open",
            "Ask whoever leads it to open a new room.",
        )
    return row


def listed(session: Session, kind: RoomKind | None) -> tuple[Room, ...]:
    asked = select(RoomRow).order_by(RoomRow.opened.desc(), RoomRow.code)
    rows = session.scalars(asked if kind is None else asked.where(RoomRow.kind == kind))
    return tuple(as_room(row) for row in rows)


def fits(row: RoomRow, key: str) -> bool:
    return hmac.compare_digest(row.key_sha256, _hash(key))


def show_step(session: Session, code: str, key: str, step: int) -> Room:
    row = _led(session, code, key)
    if not 0 <= step <= LARGEST_STEP:
        raise InputError(f"room {row.code}", f"step {step}", f"0 to {LARGEST_STEP:,}", "Choose a step of the lesson.")
    if row.step != step:
        row.step = step
        log.append(session, "leader", "step shown", row.code, {"step": step})
    return as_room(row)


def close_room(session: Session, code: str, key: str) -> Room:
    row = _led(session, code, key)
    if row.closed is None:
        row.closed = datetime.now(UTC)
        log.append(session, "leader", "room closed", row.code)
    return as_room(row)


def as_room(row: RoomRow) -> Room:
    return Room(row.code, cast(RoomKind, row.kind), row.subject, row.settings, row.step, row.opened, row.closed)


def _led(session: Session, code: str, key: str) -> RoomRow:
    row = find(session, code)
    if not fits(row, key):
        raise InputError(
            f"room {row.code}",
            "a key that is not this room's",
            "the leader's key, shown once when the room was opened",
            "Open the leader's link again, or open a new room.",
        )
    return row


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def _hash(key: str) -> str:
    # A key is 128 random bits: there is no dictionary to try, and a plain hash is enough.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
