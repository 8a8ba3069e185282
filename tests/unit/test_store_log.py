"""The access log: its digests by hand, and that no change to it stays unseen, on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from amfn.types import InputError
from store import Json, Store, Verified
from store.log import BEGINNING, digest_of, verify
from store.tables import canonical
from tests.store_rows import unguarded

ENTRIES = 5
COLUMNS = ("at", "actor", "action", "subject", "detail", "previous", "digest")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    for number in range(ENTRIES):
        opened.note("leader", "noted", f"subject {number}", {"n": number, "half": 0.5, "who": ["Ünal", None]})
    yield opened
    opened.close()


def put(connection: Connection, seq: int, column: str, value: object) -> None:
    connection.execute(text(f"UPDATE log SET {column} = :value WHERE seq = :seq"), {"value": value, "seq": seq})


def mended(connection: Connection, seq: int) -> None:
    """Give an entry the digest that fits its content, as someone would who knows how it is made."""
    row = connection.execute(text("SELECT * FROM log WHERE seq = :seq"), {"seq": seq}).one()
    fields = {**row._mapping, "detail": json.loads(row.detail)}
    put(connection, seq, "digest", digest_of(**{name: value for name, value in fields.items() if name != "digest"}))


def test_a_digest_is_the_sha256_of_this_text() -> None:
    written_by_hand = (
        '{"action":"submitted","actor":"a1","at":"2026-01-02T03:04:05.000006+00:00",'
        '"detail":{"item":"sim-01","stage":"before"},'
        '"previous":"0000000000000000000000000000000000000000000000000000000000000000",'
        '"seq":1,"subject":"HKN47R"}'
    )
    # printf '%s' '{"action":…}' | sha256sum
    known = "5072cceb1b554c1f526645f0002d97207766643b5f76ccb01460d9eddda0369a"
    assert hashlib.sha256(written_by_hand.encode()).hexdigest() == known
    detail: dict[str, Json] = {"stage": "before", "item": "sim-01"}
    moment = "2026-01-02T03:04:05.000006+00:00"
    assert digest_of(1, moment, "a1", "submitted", "HKN47R", detail, BEGINNING) == known


def test_each_entry_holds_the_digest_of_the_one_before(store: Store) -> None:
    entries = store.log()
    assert [entry.seq for entry in entries] == list(range(1, ENTRIES + 1))
    assert [entry.previous for entry in entries] == [BEGINNING, *(entry.digest for entry in entries[:-1])]
    for entry in entries:
        at = entry.at.isoformat(timespec="microseconds")
        assert entry.digest == digest_of(
            entry.seq, at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous
        )
        assert abs((datetime.now(UTC) - entry.at).total_seconds()) < 60
    assert store.verify() == Verified(ENTRIES, entries[-1].digest)
    assert store.log(limit=2) == entries[-2:]


def test_an_empty_log_is_sound(store_url: str) -> None:
    store = Store.open(store_url)
    assert store.verify() == store.verify(BEGINNING) == Verified(0, BEGINNING)
    assert store.log() == ()
    store.close()


@pytest.mark.parametrize("seq", [1, 3, ENTRIES])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_field_is_named(store: Store, store_url: str, column: str, seq: int) -> None:
    changed = {"at": "2020-01-01T00:00:00.000000+00:00", "detail": '{"n":7}', "previous": "f" * 64, "digest": "e" * 64}
    with unguarded(store_url) as connection:
        put(connection, seq, column, changed.get(column, "somebody else"))
    broken = store.verify().broken
    assert broken is not None
    assert broken[0] == seq
    assert "changed" in broken[1]


@pytest.mark.parametrize(
    "forge",
    [
        lambda connection: put(connection, 3, "detail", '{"n": 2, "half": 0.5, "who": ["\\u00dcnal", null]}'),
        lambda connection: put(connection, 3, "detail", "no JSON"),
        lambda connection: put(connection, 3, "detail", "[" * 100_000),
        lambda connection: put(connection, 3, "detail", "[]"),
        lambda connection: put(connection, 3, "detail", '{"n":NaN}'),
        lambda connection: put(connection, 3, "at", "yesterday"),
        lambda connection: put(connection, 3, "at", "2026-01-02T03:04:05"),
    ],
    ids=["same meaning, other form", "no JSON", "too deep", "a list", "not a number", "no time", "no zone"],
)
def test_what_cannot_be_read_is_named_too(store: Store, store_url: str, forge: Callable[[Connection], None]) -> None:
    with unguarded(store_url) as connection:
        forge(connection)
    found = store.verify()
    assert found.entries == 2
    assert found.broken is not None
    assert found.broken[0] == 3
    assert "changed" in found.broken[1]
    with pytest.raises(InputError, match="entry 3 of the log"):
        store.log()


def test_bytes_that_are_no_text_are_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite stores what it is given, whatever the column's type; PostgreSQL does not."""
    url = f"sqlite:///{tmp_path_factory.mktemp('log')}/store.db"
    store = Store.open(url)
    for _ in range(2):
        store.note("leader", "noted", "x")
    for value in ("CAST(x'ff' AS TEXT)", "x'ff'"):
        with unguarded(url) as connection:
            connection.execute(text(f"UPDATE log SET actor = {value} WHERE seq = 2"))
        found = store.verify()
        assert (found.entries, found.broken and found.broken[0]) == (1, 2)
    store.close()


@pytest.mark.parametrize(
    ("statement", "seq", "said"),
    [
        ("DELETE FROM log WHERE seq = 1", 1, "entry 1 is missing"),
        ("DELETE FROM log WHERE seq = 3", 3, "entry 3 is missing"),
        ("DELETE FROM log WHERE seq IN (2, 3, 4)", 2, "entries 2 to 4 are missing"),
        ("UPDATE log SET seq = 9 WHERE seq = 5", 5, "entries 5 to 8 are missing"),
        ("UPDATE log SET seq = 0 WHERE seq = 5", 0, "a number below 1"),
    ],
)
def test_a_gap_is_named(store: Store, store_url: str, statement: str, seq: int, said: str) -> None:
    with unguarded(store_url) as connection:
        connection.execute(text(statement))
    broken = store.verify().broken
    assert broken is not None
    assert broken[0] == seq
    assert said in broken[1]


def test_an_entry_put_in_between_is_named(store: Store, store_url: str) -> None:
    with unguarded(store_url) as connection:
        connection.execute(text("UPDATE log SET seq = 6 WHERE seq = 5"))
        connection.execute(
            text(
                "INSERT INTO log SELECT 5, at, actor, action, subject, detail, previous, digest FROM log WHERE seq = 4"
            )
        )
        mended(connection, 5)
    broken = store.verify().broken
    assert broken is not None
    assert (broken[0], "out of order" in broken[1]) == (5, True)


def test_two_entries_exchanged_are_named(store: Store, store_url: str) -> None:
    with unguarded(store_url) as connection:
        for before, after in ((2, 99), (3, 2), (99, 3)):
            connection.execute(text(f"UPDATE log SET seq = {after} WHERE seq = {before}"))
    assert (store.verify().broken or (0, ""))[0] == 2


def test_an_entry_forged_with_its_digest_is_given_away_by_the_next(store: Store, store_url: str) -> None:
    with unguarded(store_url) as connection:
        put(connection, 3, "actor", "somebody else")
        mended(connection, 3)
    broken = store.verify().broken
    assert broken is not None
    assert broken[0] == 4
    assert "exchanged" in broken[1]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM log WHERE seq = 5", "DELETE FROM log WHERE seq > 1", "DELETE FROM log"]
)
def test_a_cut_off_end_shows_against_a_noted_head_only(store: Store, store_url: str, statement: str) -> None:
    head = store.verify().head
    with unguarded(store_url) as connection:
        connection.execute(text(statement))
    cut = store.verify()
    assert cut.broken is None, "the chain alone cannot tell"
    found = store.verify(head)
    assert found.broken is not None
    assert found.broken[0] == cut.entries + 1
    assert head in found.broken[1]


def test_a_noted_head_stays_good_while_the_log_grows(store: Store) -> None:
    head = store.verify().head
    store.note("leader", "noted", "later")
    assert store.verify(f" {head.upper()}\n").broken is None
    for wrong in ("", "123", "g" * 64):
        with pytest.raises(InputError, match="64 hex digits"):
            store.verify(wrong)


@given(seq=st.integers(1, ENTRIES), column=st.sampled_from((*COLUMNS, "seq")), written=TEXTS, number=st.integers())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_single_changed_field_is_caught(
    store: Store, store_url: str, seq: int, column: str, written: str, number: int
) -> None:
    """Every change is rolled back, so that each starts from the sound log."""
    value = written if column != "seq" else number % 2**31
    with unguarded(store_url) as connection:
        before = connection.execute(text(f"SELECT {column} FROM log WHERE seq = :seq"), {"seq": seq}).scalar_one()
        assume(value != before and (column != "seq" or not 1 <= int(value) <= ENTRIES))
        assume(column not in ("previous", "digest") or len(str(value)) <= 64)
        put(connection, seq, column, value)
        with Session(connection) as session:
            found = verify(session)
        connection.get_transaction().rollback()  # type: ignore[union-attr]
    assert found.broken is not None
    assert store.verify().broken is None


@pytest.mark.parametrize(
    ("arguments", "came"),
    [
        (("", "did", "x"), "empty"),
        (("who", "did", "x" * 501), "501 characters"),
        (("who", "did", "a\0b"), "cannot be stored"),
        (("who", "did", "x", {"n": float("inf")}), "cannot hold"),
        (("who", "did", "x", {"n": "x" * 70_000}), "bytes of JSON"),
        ((None, "did", "x"), "NoneType"),
    ],
)
def test_an_entry_that_cannot_be_kept_is_refused(store: Store, arguments: tuple[object, ...], came: str) -> None:
    with pytest.raises(InputError, match=came):
        store.note(*arguments)  # type: ignore[arg-type]
    assert store.verify().entries == ENTRIES


def test_canonical_json_has_one_form() -> None:
    assert canonical({"b": [1, 0.5, None, True], "a": "Ünal"}) == '{"a":"\\u00dcnal","b":[1,0.5,null,true]}'
