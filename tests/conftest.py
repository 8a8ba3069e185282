"""What every test shares: one torch thread, repeatable property tests, a store of its own, the way to the real data."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import torch
from hypothesis import settings

from tests import postgres

ROOT = Path(__file__).resolve().parents[1]
FIXTURE_MARKERS = {"shared_dir": "shared", "page": "browser"}

torch.set_num_threads(1)
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the real data or for the browser is marked so, without having to say it twice."""
    for item in items:
        for fixture, marker in FIXTURE_MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def store_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The store and the cache of whatever a test starts, dashboards and commands included: never the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of our own, with {} in place of the database's name."""
    programs = postgres.find()
    if programs is None:
        pytest.skip("NO POSTGRESQL: set POSTGRES_BIN to initdb's folder, or run `make test`, which installs it as root")
    with postgres.cluster(programs) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    address: str = request.getfixturevalue("postgresql")
    name = f"store_{secrets.token_hex(6)}"
    with psycopg.connect(address.format("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    return address.format(name)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder `shared` beside the repository, which holds real data under `data/`. It is never part of the
    repository: where it is absent, the test is skipped and says so."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("REAL DATA ABSENT: there is no folder ../shared/data beside the repository")
    return folder
