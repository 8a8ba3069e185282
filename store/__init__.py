"""Where answers, comments and the access log are kept: one SQLite file, or PostgreSQL where DATABASE_URL says so."""

from __future__ import annotations

from store.store import Store
from store.types import (
    DISCLAIMER,
    AlreadyAnswered,
    Answer,
    Comment,
    Entry,
    Json,
    OpenedRoom,
    Participant,
    Room,
    RoomKind,
    Verified,
)

__all__ = [
    "DISCLAIMER",
    "AlreadyAnswered",
    "Answer",
    "Comment",
    "Entry",
    "Json",
    "OpenedRoom",
    "Participant",
    "Room",
    "RoomKind",
    "Store",
    "Verified",
]
