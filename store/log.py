"""The access log: who did what to what, each entry bound to the one before by its digest.

The database refuses to change or remove a row (triggers, see the first migration). Whoever gets round that, by editing
the file, cannot do so unseen: `verify` names the first entry that does not fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from amfn.types import InputError
from store.checks import require_json, require_text
from store.tables import LogRow, canonical
from store.types import Entry, Json, Verified

BEGINNING = "0" * 64
BATCH = 1_000


def digest_of(
    seq: int, at: str, actor: str, action: str, subject: str, detail: Mapping[str, Json], previous: str
) -> str:
    """SHA-256, in hex, of the canonical JSON (sorted keys, no blanks, ASCII) of an entry without its digest."""
    fields = {
        "seq": seq, "at": at, "actor": actor, "action": action, "subject": subject, "detail": dict(detail),
        "previous": previous,
    }  # fmt: skip
    return hashlib.sha256(canonical(fields).encode("ascii")).hexdigest()


def append(session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Json] | None = None) -> Entry:
    """The new last entry. The caller's transaction holds the one right to write, so nobody else appends meanwhile."""
    last = session.execute(select(LogRow.seq, LogRow.digest).order_by(LogRow.seq.desc()).limit(1)).one_or_none()
    seq, previous = (1, BEGINNING) if last is None else (last.seq + 1, last.digest)
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    actor, action = require_text("actor", actor), require_text("action", action)
    subject, kept = require_text("subject", subject), require_json("detail", dict(detail or {}))
    digest = digest_of(seq, at, actor, action, subject, kept, previous)
    row = LogRow(
        seq=seq,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=canonical(kept),
        previous=previous,
        digest=digest,
    )
    session.add(row)
    session.flush()
    return _entry(row)


def entries(session: Session, limit: int | None = None) -> tuple[Entry, ...]:
    """The last `limit` entries, or all, the oldest first. InputError naming an entry that cannot be read."""
    if limit is not None and limit < 1:
        raise InputError("limit", str(limit), "1 or more", "Ask for at least one entry.")
    rows = session.scalars(select(LogRow).order_by(LogRow.seq.desc()).limit(limit))
    return tuple(_entry(row) for row in reversed(rows.all()))


def about(session: Session, participant_id: str) -> tuple[Entry, ...]:
    """Every entry in which this participant acted, or was acted upon."""
    own = or_(LogRow.actor == participant_id, LogRow.subject == participant_id)
    return tuple(_entry(row) for row in session.scalars(select(LogRow).where(own).order_by(LogRow.seq)))


def verify(session: Session, expected_head: str | None = None) -> Verified:
    """Walk the chain from its beginning; stops at the first entry that does not fit."""
    noted = None if expected_head is None else _noted(expected_head)
    count, head, seen = 0, BEGINNING, noted in (None, BEGINNING)
    rows = session.scalars(select(LogRow).order_by(LogRow.seq).execution_options(yield_per=BATCH))
    for row in rows:
        wrong = _wrong(row, count + 1, head)
        if wrong:
            return Verified(count, head, (count + 1 if row.seq > count + 1 else row.seq, wrong))
        count, head = row.seq, row.digest
        seen = seen or head == noted
    if not seen:
        return Verified(
            count, head, (count + 1, f"no entry has the noted digest {noted}: entries were cut off or exchanged")
        )
    return Verified(count, head)


def _noted(head: str) -> str:
    noted = head.strip().lower()
    if len(noted) != 64 or set(noted) - set("0123456789abcdef"):
        raise InputError("head", head, "the 64 hex digits that `log verify` prints", "Copy the whole digest.")
    return noted


def _wrong(row: LogRow, seq: int, previous: str) -> str | None:
    """What is wrong with this row where entry `seq` is due, None where it is sound."""
    if row.seq > seq:
        gap = f"entry {seq} is" if row.seq == seq + 1 else f"entries {seq} to {row.seq - 1} are"
        return f"{gap} missing"
    if row.seq < seq:
        return "it has a number below 1"
    try:
        entry = _entry(row)
    except InputError as error:
        return error.came
    if row.digest != digest_of(seq, row.at, row.actor, row.action, row.subject, entry.detail, row.previous):
        return "its content does not match its digest: it was changed"
    if row.previous != previous:
        return "it does not continue the entry before: that one was exchanged, or this one was added out of order"
    return None


def _entry(row: LogRow) -> Entry:
    try:
        at, detail = datetime.fromisoformat(row.at), json.loads(row.detail)
        if at.utcoffset() is None or not isinstance(detail, dict) or canonical(detail) != row.detail:
            raise ValueError("a time without a zone, or a detail in another form")
        for text in (row.at, row.actor, row.action, row.subject, row.previous, row.digest):
            text.encode()
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"entry {row.seq} of the log",
            f"its fields cannot be read ({error}): it was changed",
            "the entry as it was written",
            "Check the whole log with `python -m amfn log verify`.",
        ) from error
    return Entry(
        seq=row.seq, at=at, actor=row.actor, action=row.action, subject=row.subject, detail=detail,
        previous=row.previous, digest=row.digest,
    )  # fmt: skip
