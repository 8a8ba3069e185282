"""Which addresses name a store, and what is said of one that is none."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from amfn.types import InputError
from store import Store
from store.database import where


def refused_to_open(url: str | None) -> InputError:
    with pytest.raises(InputError) as caught:
        Store.open(url)
    return caught.value


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("postgresql://ann:pw@db:5433/icu", "postgresql+psycopg://ann:pw@db:5433/icu"),
        ("postgres://ann@db/icu", "postgresql+psycopg://ann@db/icu"),
        ("postgresql+psycopg://ann@db/icu", "postgresql+psycopg://ann@db/icu"),
        ("sqlite:////data/store.db", "sqlite:////data/store.db"),
    ],
)
def test_addresses(url: str, used: str) -> None:
    assert where(url).render_as_string(hide_password=False) == used


def test_a_file_without_a_folder_is_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert where("sqlite:///store.db").database == str(tmp_path / "store.db")
    assert where("sqlite:///~/store.db").database == str(tmp_path / "me" / "store.db")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@db/icu",
        "postgresql+psycopg2://ann:hunter2@db/icu",
        "postgresq://ann:hunter2@db:none/icu",
        "ann:hunter2@db",
        "store.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:hunter2?mode=memory&uri=true",
    ],
)
def test_a_bad_address_is_refused_without_repeating_a_password(url: str) -> None:
    error = refused_to_open(url)
    assert error.source == "DATABASE_URL"
    assert "postgresql://user:password@host/database" in error.expected or error.mend == "Name the file."
    assert "hunter2" not in str(error)


def test_without_an_address_it_is_one_file_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name, appauthor: str(tmp_path / "of" / name))
    store = Store.open()
    store.open_room("lesson", "x")
    store.close()
    folder = tmp_path / "of" / "fusionscope"
    assert [path.name for path in folder.iterdir()] == ["store.db"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700, "nobody else reads what learners wrote"
    assert store.place == str(folder / "store.db")


def test_a_users_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "file" / "fusionscope"))
    assert "cannot be made" in refused_to_open(None).came


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/named.db")
    Store.open().close()
    assert (tmp_path / "named.db").is_file()


def test_places_that_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "photo.db").write_bytes(b"\x89PNG" * 1000)
    (tmp_path / "folder.db").mkdir()
    assert "no SQLite database" in refused_to_open(f"sqlite:///{tmp_path}/photo.db").came
    assert "cannot be opened" in refused_to_open(f"sqlite:///{tmp_path}/folder.db").came
    assert "cannot be opened" in refused_to_open(f"sqlite:///{tmp_path}/none/store.db").came


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path: Path) -> None:
    error = refused_to_open(f"postgresql://ann:hunter2@/icu?host={tmp_path}&sslpassword=hunter2")
    assert error.source.startswith("postgresql://ann:***@/icu?host=")
    assert "does not answer" in error.came
    assert "No such file" in error.came
    assert "hunter2" not in str(error)


def test_a_database_that_is_not_there_is_said(postgresql: str) -> None:
    assert '"nowhere" does not exist' in refused_to_open(postgresql.format("nowhere")).came
