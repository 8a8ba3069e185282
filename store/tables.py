"""The tables. What is stated here and what store/migrations builds is the same; a test compares the two."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from store.types import Json


def canonical(value: Any) -> str:
    """JSON in one form only: sorted keys, no blanks, ASCII, no NaN. ValueError or TypeError for what JSON has not."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


class Utc(TypeDecorator[datetime]):
    """A moment in UTC, aware of it on every database; SQLite itself knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Document(TypeDecorator[Any]):
    """JSON as text in its canonical form: equal values are equal texts. PostgreSQL's own type refuses some texts."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    pass


class RoomRow(Base):
    __tablename__ = "rooms"

    code: Mapped[str] = mapped_column(String(6), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Json]] = mapped_column(Document)
    step: Mapped[int]
    key_sha256: Mapped[str] = mapped_column(String(64))
    opened: Mapped[datetime] = mapped_column(Utc)
    closed: Mapped[datetime | None] = mapped_column(Utc)


class ParticipantRow(Base):
    __tablename__ = "participants"
    __table_args__ = (UniqueConstraint("code", "alias", name="one_alias_in_a_room"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(ForeignKey("rooms.code"))
    alias: Mapped[str] = mapped_column(String(64))
    joined: Mapped[datetime] = mapped_column(Utc)


class AnswerRow(Base):
    """`code` is the participant's room, repeated here so that what is new in a room is found by one index."""

    __tablename__ = "answers"
    __table_args__ = (
        UniqueConstraint("participant_id", "item", "stage", name="one_answer_a_stage"),
        Index("answers_in_order", "code", "id"),
        # An id that was given once is never given again: who asks for what came after it must miss nothing.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(ForeignKey("rooms.code"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.id"))
    item: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(Text)
    value: Mapped[Any] = mapped_column(Document)
    submitted: Mapped[datetime] = mapped_column(Utc)


class CommentRow(Base):
    __tablename__ = "comments"
    __table_args__ = (
        Index("comments_in_order", "code", "id"),
        Index("comments_by_participant", "participant_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(ForeignKey("rooms.code"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.id"))
    item: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    written: Mapped[datetime] = mapped_column(Utc)


class LogRow(Base):
    """An entry as it was hashed: `at` and `detail` are texts, so that a check sees exactly what is stored."""

    __tablename__ = "log"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
