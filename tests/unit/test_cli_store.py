"""`log` and `participant` on the command line, over SQLite and over PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from amfn.cli import app
from amfn.types import InputError
from store import Store
from tests.store_rows import unguarded


@pytest.fixture
def store(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("DATABASE_URL", store_url)
    opened = Store.open()
    yield opened
    opened.close()


def run(*arguments: object) -> str:
    """stdout of a command that succeeds."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: object) -> InputError:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert isinstance(result.exception, InputError), result.output
    return result.exception


def test_a_sound_log_is_proved(store: Store) -> None:
    code = store.open_room("lesson", "x").room.code
    store.join(code)
    first = store.verify().head
    said = run("log", "verify")
    assert store.place in said
    assert "2 entries, none changed" in said
    assert f"Head {first}\nNote the head" in said
    store.note("leader", "noted", "later")
    assert "Note the head" not in run("log", "verify", "--head", first)


def test_a_changed_row_is_named_with_exit_code_1(store: Store, store_url: str, repo_root: Path) -> None:
    for number in range(3):
        store.note("leader", "noted", f"subject {number}")
    with unguarded(store_url) as connection:
        connection.execute(text("UPDATE log SET subject = 'another' WHERE seq = 2"))
    error = refusal("log", "verify")
    assert error.came == "entry 2: its content does not match its digest: it was changed"
    assert error.mend.startswith("1 entries before it are sound.")
    done = subprocess.run(
        [sys.executable, "-m", "amfn", "log", "verify"],
        cwd=repo_root, env={**os.environ, "DATABASE_URL": store_url}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {error}\n"


def test_a_cut_off_log_is_named_against_its_head(store: Store, store_url: str) -> None:
    for number in range(3):
        store.note("leader", "noted", f"subject {number}")
    head = store.verify().head
    with unguarded(store_url) as connection:
        connection.execute(text("DELETE FROM log WHERE seq = 3"))
    run("log", "verify")
    assert "entry 3: no entry has the noted digest" in refusal("log", "verify", "--head", head).came
    assert "64 hex digits" in str(refusal("log", "verify", "--head", "abc"))


def test_the_last_entries_are_shown(store: Store) -> None:
    for number in range(25):
        store.note("leader", "noted", f"subject {number}", {"n": number})
    lines = run("log", "show").splitlines()
    assert len(lines) == 20
    last = store.log(1)[0]
    assert lines[-1] == f"    25  {last.at:%Y-%m-%d %H:%M:%S}  leader  noted  subject 24  n=24"
    assert run("log", "show", "--limit", 3).splitlines() == lines[-3:]


def test_a_participant_is_exported(store: Store, tmp_path: Path) -> None:
    code = store.open_room("lesson", "x").room.code
    who = store.join(code)
    store.submit(code, who.id, "sim-01", "before", 0.3)
    found = json.loads(run("participant", "export", who.id))
    assert found["disclaimer"] == "Research and education only; not for diagnosis."
    assert found["participant"]["alias"] == who.alias
    assert [answer["value"] for answer in found["answers"]] == [0.3]
    written = tmp_path / "mine.json"
    assert run("participant", "export", who.id, "--out", written) == f"{written}\n"
    again = json.loads(written.read_text(encoding="utf-8"))
    assert again == {**found, "log": again["log"]}
    assert [entry["action"] for entry in again["log"][-2:]] == ["exported", "exported"]
    assert "nobody has this id" in str(refusal("participant", "export", "0" * 24))


def test_a_participant_is_erased_only_with_yes(store: Store) -> None:
    code = store.open_room("lesson", "x").room.code
    who = store.join(code)
    store.submit(code, who.id, "sim-01", "before", 0.3)
    assert "add --yes" in refusal("participant", "delete", who.id).mend
    assert store.participants(code) == (who,)
    assert "1 answers, 0 comments" in run("participant", "delete", who.id, "--yes")
    assert store.participants(code) == ()
    assert "nobody has this id" in str(refusal("participant", "delete", who.id, "--yes"))


def test_a_mistyped_address_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/stroe.db")
    assert "no such file" in refusal("log", "verify").came
    assert list(tmp_path.iterdir()) == []
