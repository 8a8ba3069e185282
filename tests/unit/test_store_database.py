"""How the store's tables come about, also when many begin at once, and what is said when its place fails it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from amfn.types import InputError
from store import Store, database
from store.database import Database
from store.migrations import VERSION_TABLE
from store.tables import Base
from tests import store_rows


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()


def refused_to_open(url: str, create: bool = True) -> InputError:
    with pytest.raises(InputError) as caught:
        Store.open(url, create=create)
    return caught.value


def tables(url: str) -> set[str]:
    with store_rows.database(url) as connection:
        return set(inspect(connection).get_table_names())


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def test_looking_makes_no_store(store_url: str, tmp_path: Path) -> None:
    error = refused_to_open(store_url, create=False)
    assert "no such file" in error.came or "nothing of this program" in error.came
    assert list(tmp_path.iterdir()) == []
    if store_url.startswith("postgresql"):
        assert tables(store_url) == set()


def test_migrations_make_what_the_models_say(store: Store, store_url: str) -> None:
    assert tables(store_url) == {*Base.metadata.tables, VERSION_TABLE}
    with store_rows.database(store_url) as connection:
        assert differences(connection) == []
        connection.execute(text("DROP INDEX answers_in_order"))
        connection.execute(text("ALTER TABLE rooms ADD COLUMN extra INTEGER"))
        assert len(differences(connection)) == 2, "what is compared can differ"


def test_opening_again_keeps_all(store: Store, store_url: str) -> None:
    opened = store.open_room("lesson", "x")
    again = Store.open(store_url, create=False)
    assert again.room(opened.room.code) == opened.room
    assert again.may_lead(opened.room.code, opened.key)
    again.close()


def test_a_newer_store_is_left_alone(store: Store, store_url: str) -> None:
    with store_rows.database(store_url) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    error = refused_to_open(store_url)
    assert "version 9999, made by a newer program" in error.came
    assert "Update this program" in error.mend


def test_tables_of_another_program_are_left_alone(store_url: str) -> None:
    with store_rows.database(store_url) as connection:
        connection.execute(text("CREATE TABLE rooms (number INTEGER)"))
    assert "another program (rooms)" in refused_to_open(store_url).came
    assert tables(store_url) == {"rooms"}


def test_a_migration_that_fails_leaves_nothing_behind(store_url: str) -> None:
    with store_rows.database(store_url) as connection:
        connection.execute(text("CREATE TABLE elsewhere (number INTEGER)"))
        connection.execute(text("CREATE INDEX comments_by_participant ON elsewhere (number)"))
    with pytest.raises(DBAPIError, match="already exists"):
        Store.open(store_url)
    assert tables(store_url) == {"elsewhere"}


def opened_at_once(urls: Sequence[str]) -> list[Store]:
    """A store for each address, opened by threads that begin at the same moment; each writes one entry."""
    stores: list[Store] = []
    raised: list[BaseException] = []
    together = threading.Barrier(len(urls))

    def run(url: str) -> None:
        try:
            together.wait()
            stores.append(Store.open(url))
            stores[-1].note("thread", "opened", "the store")
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    return stores


def test_threads_that_open_a_new_store_at_once_share_it(store_url: str) -> None:
    stores = opened_at_once([store_url] * 12)
    assert stores[0].verify().entries == 12
    assert stores[0].verify().broken is None
    for store in stores:
        store.close()


def test_threads_that_open_stores_of_their_own_do_not_mix_them_up(tmp_path: Path) -> None:
    for store in opened_at_once([f"sqlite:///{tmp_path}/{number}.db" for number in range(12)]):
        assert store.verify().entries == 1
        store.close()


def test_a_file_that_someone_else_is_about_to_write_to_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself refuses at once to write ahead in a file whose write lock is taken."""
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    later.start()
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    assert store.note("who", "did", "x").seq == 1
    later.join()
    store.close()
    other.close()


WORKER = """
import sys, threading
from store import Store
sys.stdin.read()
store = Store.open(sys.argv[1])
threads = [threading.Thread(target=lambda: [store.note("process", "wrote", "x") for _ in range(20)]) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.slow
def test_processes_that_open_a_new_store_at_once_share_it(store_url: str, repo_root: Path) -> None:
    command = [sys.executable, "-c", WORKER, store_url]
    workers = [
        subprocess.Popen(command, cwd=repo_root, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.close()
    said = [worker.stderr.read() for worker in workers if worker.stderr is not None]
    assert [worker.wait() for worker in workers] == [0, 0, 0], said
    store = Store.open(store_url, create=False)
    assert store.verify().entries == 3 * 4 * 20
    assert store.verify().broken is None
    store.close()


def test_references_are_held(store: Store, store_url: str) -> None:
    who = store.join(store.open_room("lesson", "x").room.code).id
    kept = Database.open(store_url)
    with pytest.raises(IntegrityError), kept.writing() as session:
        session.execute(text("UPDATE participants SET code = 'CCCCCC'"))
    kept.close()
    assert store.export(who)["participant"]


# https://sqlite.org/pragma.html: 2 is FULL, what is committed is on the disk.
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_sqlite_writes_ahead_and_to_the_disk(tmp_path: Path) -> None:
    kept = Database.open(f"sqlite:///{tmp_path}/store.db")
    with kept.reading() as session:
        found = [session.scalar(text(f"PRAGMA {name}")) for name in PRAGMAS]
    assert found == list(PRAGMAS.values())
    kept.close()


@contextmanager
def full(url: str) -> Iterator[Store]:
    """A store whose next answer finds no space. SQLite: its file may not grow. PostgreSQL: the server says so."""
    store = Store.open(url)
    if url.startswith("sqlite"):
        with store._database.reading() as session:  # the pool's one connection
            session.execute(text(f"PRAGMA max_page_count = {session.scalar(text('PRAGMA page_count'))}"))
    else:
        with store_rows.database(url) as connection:
            raising = "BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END"
            connection.execute(text(f"CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$"))
            for table in ("answers", "comments"):
                connection.execute(
                    text(f"CREATE TRIGGER no_space AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION no_space()")
                )
    yield store
    store.close()


def fill(store: Store, code: str, who: str) -> None:
    for number in range(40):
        store.comment(code, who, f"b {number}", "x" * 4_000)


def test_a_full_disk_is_said_and_nothing_is_half_written(store: Store, store_url: str) -> None:
    code = store.open_room("lesson", "x").room.code
    who = store.join(code).id
    first = store.submit(code, who, "a", "before", 1)
    before = store.verify()
    with full(store_url) as stuck:
        for _ in range(2):
            with pytest.raises(InputError, match=r"the disk is full.*Free some space"):
                stuck.submit(code, who, "b", "before", "x" * 60_000)
            with pytest.raises(InputError, match="the disk is full"):
                fill(stuck, code, who)
        assert stuck.answers(code) == (first,), "what is there can still be read"
    found = store.verify()
    assert found.broken is None
    assert found.entries == before.entries + len(store.comments(code))


def test_a_place_that_cannot_be_written_is_said(store: Store, store_url: str) -> None:
    code = store.open_room("lesson", "x").room.code
    if store_url.startswith("sqlite"):
        with store._database.reading() as session:
            session.execute(text("PRAGMA query_only = ON"))
    else:
        store.close()
        with store_rows.database(store_url) as connection:
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    with pytest.raises(InputError, match="cannot be written to"):
        store.join(code)
    assert store.participants(code) == ()


def test_a_store_that_stays_busy_is_said(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_S", 1)
    store = Store.open(store_url)
    holder = Database.open(store_url)
    with holder.writing(), pytest.raises(InputError, match="the store is busy"):
        store.note("who", "did", "x")
    assert store.note("who", "did", "x").seq == 1
    with store._database.writing(), pytest.raises(InputError, match="the store is busy"):
        store.note("who", "did", "x")
    assert store.verify().entries == 1
    store.close()
    holder.close()


def test_readers_do_not_wait_for_the_writer(store_url: str) -> None:
    store = Store.open(store_url)
    code = store.open_room("lesson", "x").room.code
    with store._database.writing() as session:
        session.execute(text("UPDATE rooms SET step = 7"))
        assert store.room(code).step == 0
    assert store.room(code).step == 7
    store.close()


def end_connections(url: str) -> None:
    with store_rows.database(url) as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


def write_while_the_server_ends(store: Store, url: str) -> None:
    with store._database.writing() as session:
        session.execute(text("UPDATE rooms SET step = 7"))
        end_connections(url)
        session.execute(text("UPDATE rooms SET step = 8"))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_server_that_was_started_again_is_found_again(store: Store, store_url: str) -> None:
    code = store.open_room("lesson", "x").room.code
    end_connections(store_url)
    who = store.join(code)
    with pytest.raises(InputError, match="does not answer"):
        write_while_the_server_ends(store, store_url)
    assert store.room(code).step == 0, "nothing half-written"
    assert store.participants(code) == (who,)


def test_what_was_erased_is_not_left_in_the_file(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    code = store.open_room("lesson", "x").room.code
    who = store.join(code)
    store.submit(code, who.id, "sim-01", "before", "unmistakable answer")
    store.comment(code, who.id, "sim-01", "unmistakable comment")

    def holding() -> list[str]:
        return [path.name for path in tmp_path.iterdir() if b"unmistakable" in path.read_bytes()]

    assert holding() != []
    store.delete(who.id)
    assert holding() == []
    store.close()
