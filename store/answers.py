"""Answers, of which the first counts, and comments."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from store import log, participants, rooms
from store.checks import COMMENT_CHARACTERS, require_json, require_text
from store.tables import AnswerRow, CommentRow, canonical
from store.types import AlreadyAnswered, Answer, Comment, Json


def submit(session: Session, code: str, participant_id: str, item: str, stage: str, value: Json) -> Answer:
    """An answer that is stored already is given back before the room is asked whether it is open: who sends twice has
    not lost it."""
    item, stage, kept = require_text("item", item), require_text("stage", stage), require_json("answer", value)
    room = rooms.find(session, code)
    who = participants.find_in(session, room.code, participant_id)
    stored = session.scalar(
        select(AnswerRow).where(AnswerRow.participant_id == who.id, AnswerRow.item == item, AnswerRow.stage == stage)
    )
    if stored is not None:
        if canonical(stored.value) != canonical(kept):
            raise AlreadyAnswered(as_answer(stored))
        return as_answer(stored)
    rooms.find_open(session, code)
    row = AnswerRow(
        code=room.code, participant_id=who.id, item=item, stage=stage, value=kept, submitted=datetime.now(UTC)
    )
    session.add(row)
    session.flush()
    log.append(session, who.id, "submitted", room.code, {"item": item, "stage": stage})
    return as_answer(row)


def listed(session: Session, code: str, after: int) -> tuple[Answer, ...]:
    room = rooms.find(session, code)
    rows = session.scalars(
        select(AnswerRow).where(AnswerRow.code == room.code, AnswerRow.id > after).order_by(AnswerRow.id)
    )
    return tuple(as_answer(row) for row in rows)


def comment(session: Session, code: str, participant_id: str, item: str, text: str) -> Comment:
    item, kept = require_text("item", item), require_text("comment", text, COMMENT_CHARACTERS)
    room = rooms.find_open(session, code)
    who = participants.find_in(session, room.code, participant_id)
    row = CommentRow(code=room.code, participant_id=who.id, item=item, text=kept, written=datetime.now(UTC))
    session.add(row)
    session.flush()
    log.append(session, who.id, "commented", room.code, {"item": item})
    return as_comment(row)


def comments(session: Session, code: str) -> tuple[Comment, ...]:
    room = rooms.find(session, code)
    rows = session.scalars(select(CommentRow).where(CommentRow.code == room.code).order_by(CommentRow.id))
    return tuple(as_comment(row) for row in rows)


def as_answer(row: AnswerRow) -> Answer:
    return Answer(row.id, row.participant_id, row.item, row.stage, row.value, row.submitted)


def as_comment(row: CommentRow) -> Comment:
    return Comment(row.id, row.participant_id, row.item, row.text, row.written)
