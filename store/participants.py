"""Participants: they join under an anonymous name, may take all they gave with them, and may have it erased."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import delete as erase
from sqlalchemy import select
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from amfn.types import InputError
from store import log, rooms
from store.names import new_alias
from store.tables import AnswerRow, CommentRow, ParticipantRow
from store.types import DISCLAIMER, Json, Participant


def join(session: Session, code: str, participant_id: str | None) -> Participant:
    """A known id of this room is the same participant again, also once the room is closed."""
    room = rooms.find(session, code)
    known = None if participant_id is None else _known(session, participant_id)
    if known is not None and known.code == room.code:
        return as_participant(known)
    rooms.find_open(session, code)
    taken = session.scalars(select(ParticipantRow.alias).where(ParticipantRow.code == room.code)).all()
    row = ParticipantRow(
        id=secrets.token_hex(12), code=room.code, alias=new_alias(frozenset(taken)), joined=datetime.now(UTC)
    )
    session.add(row)
    log.append(session, row.id, "joined", room.code)
    return as_participant(row)


def listed(session: Session, code: str) -> tuple[Participant, ...]:
    room = rooms.find(session, code)
    rows = session.scalars(
        select(ParticipantRow)
        .where(ParticipantRow.code == room.code)
        .order_by(ParticipantRow.joined, ParticipantRow.id)
    )
    return tuple(as_participant(row) for row in rows)


def find(session: Session, participant_id: str) -> ParticipantRow:
    row = _known(session, participant_id)
    if row is None:
        raise InputError(
            f"participant {participant_id[:40]!r}",
            "nobody has this id; it may have been erased",
            "the 24 hex digits that were given on joining",
            "Copy the whole id, or join the room again.",
        )
    return row


def find_in(session: Session, code: str, participant_id: str) -> ParticipantRow:
    """The participant, where that one belongs to this room."""
    row = find(session, participant_id)
    if row.code != code:
        raise InputError(
            f"participant {row.id!r}",
            f"someone of another room than {code}",
            f"a participant of room {code}",
            "Join the room first.",
        )
    return row


def _known(session: Session, participant_id: str) -> ParticipantRow | None:
    # What is no id is not asked for: a database need not be able to hold it.
    return session.get(ParticipantRow, participant_id) if re.fullmatch(r"[0-9a-f]{24}", participant_id) else None


def as_participant(row: ParticipantRow) -> Participant:
    return Participant(row.id, row.code, row.alias, row.joined)


def export(session: Session, participant_id: str, actor: str) -> dict[str, Json]:
    """Everything kept of one participant as one JSON document, the log's entries with it."""
    row = find(session, participant_id)
    room = rooms.find(session, row.code)
    log.append(session, actor, "exported", row.id)
    given = session.scalars(select(AnswerRow).where(AnswerRow.participant_id == row.id).order_by(AnswerRow.id))
    said = session.scalars(select(CommentRow).where(CommentRow.participant_id == row.id).order_by(CommentRow.id))
    return {
        "disclaimer": DISCLAIMER,
        "participant": {"id": row.id, "alias": row.alias, "joined": row.joined.isoformat()},
        "room": {"code": room.code, "kind": room.kind, "subject": room.subject},
        "answers": [
            {"item": a.item, "stage": a.stage, "value": a.value, "submitted": a.submitted.isoformat()} for a in given
        ],
        "comments": [{"item": c.item, "text": c.text, "written": c.written.isoformat()} for c in said],
        "log": [
            {
                "at": e.at.isoformat(),
                "actor": e.actor,
                "action": e.action,
                "subject": e.subject,
                "detail": dict(e.detail),
            }
            for e in log.about(session, row.id)
        ],
    }


def delete(session: Session, participant_id: str, actor: str) -> Mapping[str, int]:
    """How many rows of each kind are gone."""
    row = find(session, participant_id)
    counts = {
        "answers": _erased(session.execute(erase(AnswerRow).where(AnswerRow.participant_id == row.id))),
        "comments": _erased(session.execute(erase(CommentRow).where(CommentRow.participant_id == row.id))),
        "participants": _erased(session.execute(erase(ParticipantRow).where(ParticipantRow.id == row.id))),
    }
    log.append(session, actor, "erased", participant_id, dict(counts))
    return counts


def _erased(result: object) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
