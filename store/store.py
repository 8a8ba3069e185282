"""The store: every call is one transaction, and what matters leaves an entry in the access log in that same one."""

from __future__ import annotations

from collections.abc import Mapping

from store import answers, log, participants, rooms
from store.database import Database
from store.types import Answer, Comment, Entry, Json, OpenedRoom, Participant, Room, RoomKind, Verified


class Store:
    """Rooms, participants, answers, comments and the access log. Safe to share between threads and processes.

    What cannot be done raises InputError and leaves nothing half-written: a room that does not exist or is closed, a
    wrong key, an unknown participant, a text that is too long, a full disk, a database that does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str | None = None, *, create: bool = True) -> Store:
        """The store at this address: `sqlite:///file` or `postgresql://user:password@host/database`.

        None takes DATABASE_URL, and where that is not set one SQLite file in the user's data folder. Tables are made
        or brought up to date; with `create` off, a store that is not there yet is an InputError.
        """
        return cls(Database.open(url, create=create))

    @property
    def place(self) -> str:
        """Where it is kept: the file, or the server's address without its password."""
        return self._database.place

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def open_room(self, kind: RoomKind, subject: str, settings: Mapping[str, Json] | None = None) -> OpenedRoom:
        """A new room at step 0. Its key is given out here only."""
        with self._database.writing() as session:
            return rooms.open_room(session, kind, subject, settings or {})

    def room(self, code: str) -> Room:
        """The room with this code; case, blanks and dashes do not matter."""
        with self._database.reading() as session:
            return rooms.as_room(rooms.find(session, code))

    def rooms(self, kind: RoomKind | None = None) -> tuple[Room, ...]:
        """All rooms, or those of one kind, the newest first."""
        with self._database.reading() as session:
            return rooms.listed(session, kind)

    def may_lead(self, code: str, key: str) -> bool:
        """True where this is the key of the room."""
        with self._database.reading() as session:
            return rooms.fits(rooms.find(session, code), key)

    def show_step(self, code: str, key: str, step: int) -> Room:
        """Move the room to a step, 0 or more; a closed room can still be moved, for its debrief."""
        with self._database.writing() as session:
            return rooms.show_step(session, code, key, step)

    def close_room(self, code: str, key: str) -> Room:
        """Take no more participants, answers and comments. Closing a closed room changes nothing."""
        with self._database.writing() as session:
            return rooms.close_room(session, code, key)

    def join(self, code: str, participant_id: str | None = None) -> Participant:
        """The participant of this room with that id; a new one where the id is None or not of this room."""
        with self._database.writing() as session:
            return participants.join(session, code, participant_id)

    def participants(self, code: str) -> tuple[Participant, ...]:
        """Everyone in the room, in the order in which they joined."""
        with self._database.reading() as session:
            return participants.listed(session, code)

    def submit(self, code: str, participant_id: str, item: str, stage: str, value: Json) -> Answer:
        """Keep an answer. The first to an item and stage counts: the same value again gives the stored answer back,
        another one raises AlreadyAnswered, which carries the stored one."""
        with self._database.writing() as session:
            return answers.submit(session, code, participant_id, item, stage, value)

    def answers(self, code: str, after: int = 0) -> tuple[Answer, ...]:
        """The room's answers with an id above `after`, ascending. Ids become visible in their order: who asks again
        with the last id it has seen misses none."""
        with self._database.reading() as session:
            return answers.listed(session, code, after)

    def comment(self, code: str, participant_id: str, item: str, text: str) -> Comment:
        """Keep a comment of at most 4,000 characters; a participant may write several on one item."""
        with self._database.writing() as session:
            return answers.comment(session, code, participant_id, item, text)

    def comments(self, code: str) -> tuple[Comment, ...]:
        """The room's comments, the oldest first."""
        with self._database.reading() as session:
            return answers.comments(session, code)

    def note(self, actor: str, action: str, subject: str, detail: Mapping[str, Json] | None = None) -> Entry:
        """Add an entry to the access log."""
        with self._database.writing() as session:
            return log.append(session, actor, action, subject, detail)

    def log(self, limit: int | None = None) -> tuple[Entry, ...]:
        """The entries of the access log, or the last `limit` of them, the oldest first."""
        with self._database.reading() as session:
            return log.entries(session, limit)

    def verify(self, expected_head: str | None = None) -> Verified:
        """Check the whole log: every digest, every link to the entry before, no gap.

        Entries cut off at the end leave a chain that is sound in itself. Only who noted the head digest earlier can
        tell: given as `expected_head`, it has to be the digest of an entry that is still there.
        """
        with self._database.reading() as session:
            return log.verify(session, expected_head)

    def export(self, participant_id: str, *, actor: str = "operator") -> dict[str, Json]:
        """All that is kept of a participant. `actor`: who asks, for the log."""
        with self._database.writing() as session:
            return participants.export(session, participant_id, actor)

    def delete(self, participant_id: str, *, actor: str = "operator") -> Mapping[str, int]:
        """Erase a participant with all answers and comments; says how many of each. The log keeps the random id and
        that it was erased. PostgreSQL overwrites erased rows when it vacuums, SQLite at once."""
        with self._database.writing() as session:
            counts = participants.delete(session, participant_id, actor)
        self._database.forget_erased()
        return counts
