"""What the store keeps and hands out: rooms, participants, answers, comments and the entries of the access log.

All times are in UTC. A value is JSON, as it was given: lists, texts, numbers, truth values, None and dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from amfn.types import InputError

DISCLAIMER = "Research and education only; not for diagnosis."

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
RoomKind = Literal["lesson", "agreement"]


@dataclass(frozen=True, slots=True)
class Room:
    """A class or a rating session. `subject` names the lesson or the set of records, `step` what its leader shows now;
    `closed` is None for as long as answers are taken."""

    code: str
    kind: RoomKind
    subject: str
    settings: Mapping[str, Json]
    step: int
    opened: datetime
    closed: datetime | None


@dataclass(frozen=True, slots=True)
class OpenedRoom:
    """A new room and its leader's key. The key is given out here and never again: the store keeps its hash only."""

    room: Room
    key: str


@dataclass(frozen=True, slots=True)
class Participant:
    """Someone in a room, known by a random id and an anonymous name that nobody else in the room has."""

    id: str
    code: str
    alias: str
    joined: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a participant answered to one item (a record, a question) at one stage (before, after). The first counts."""

    id: int
    participant_id: str
    item: str
    stage: str
    value: Json
    submitted: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    participant_id: str
    item: str
    text: str
    written: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the access log. `digest` is the SHA-256 over everything else in it, `previous` that of the row before
    (64 zeros in the first)."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Json]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the log found: sound entries, the digest of the last of them, and the first that is not sound
    as (seq, what is wrong), None where all are."""

    entries: int
    head: str
    broken: tuple[int, str] | None = None


class AlreadyAnswered(InputError):
    """Another answer to the same item and stage. The first one counts, and it is in `stored`."""

    def __init__(self, stored: Answer) -> None:
        self.stored = stored
        super().__init__(
            f"{stored.item}, {stored.stage}",
            "a second answer that differs from the first",
            "one answer to each question",
            "The first answer counts and is kept as it was.",
        )
