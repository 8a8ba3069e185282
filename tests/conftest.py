"""What every test shares: one torch thread, repeatable property tests, and the way to the real data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

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


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder `shared` beside the repository, which holds real data under `data/`. It is never part of the
    repository: where it is absent, the test is skipped and says so."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("REAL DATA ABSENT: there is no folder ../shared/data beside the repository")
    return folder
