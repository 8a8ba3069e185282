"""The access log: an entry for each record that was shown, none for the same one again, and no name of a patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import rooms, services, text
from app.links import hashed
from audit import Manifest
from store import Store
from tests.app.screen import go, ids, open_app, words


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("AMFN_DATA", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/log.db")
    return f"sqlite:///{tmp_path}/log.db"


def named(record_id: str) -> str:
    return hashed(services.sample_folder("icu_mortality"), record_id)


def test_a_record_is_logged_once_a_session_by_its_hash(address: str) -> None:
    first, second = ids("icu_mortality")[:2]
    at = open_app("patient", task="icu_mortality", record=first)
    go(at, "fusion")
    log = Store.open(address).log()
    assert [(entry.action, entry.subject, entry.detail) for entry in log] == [
        ("opened record", named(first), {"task": "icu_mortality"})
    ]
    assert log[0].actor.startswith("session-")
    open_app("patient", task="icu_mortality", record=second)
    log = Store.open(address).log()
    assert [entry.subject for entry in log] == [named(first), named(second)]
    assert log[0].actor != log[1].actor
    assert Store.open(address).verify().broken is None


def test_a_page_without_a_record_logs_none(address: str) -> None:
    at = open_app("patient", task="icu_mortality")
    before = len(Store.open(address).log())
    go(at, "data")
    go(at, "model")
    assert len(Store.open(address).log()) == before == 1


def test_a_log_that_cannot_be_written_is_said_and_the_record_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/file/log.db")
    rooms._store.clear()
    at = open_app("patient", task="icu_mortality")
    assert not at.exception
    said = words(at)
    assert "log.db" in said
    assert text.DISCLAIMER in said
    assert at.get("plotly_chart")
    assert "log.db" not in words(go(at, "fusion"))


def test_an_audit_that_was_opened_is_logged_by_its_identity(address: str, kept_here: Path) -> None:
    open_app("cohort", task="icu_mortality")
    (manifest,) = kept_here.rglob("manifest.json")
    log = Store.open(address).log()
    opened = [entry for entry in log if entry.action == "opened audit"]
    assert [entry.subject for entry in opened] == [Manifest.read(manifest.parent).identity]
    assert opened[0].detail == {"task": "icu_mortality", "records": 48}
