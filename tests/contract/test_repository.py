"""What may not be in the repository: paths of one machine, and anything too large to be source."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from amfn.checkpoint import load_checkpoint, load_folds

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT_BYTES = 12_000_000
LARGEST_BYTES = 10_000_000  # a shipped model or a sample record stays below; a data set does not

# Folders that exist on one machine only. `/etc`, `/dev` and `/usr/bin/env` are the same everywhere.
MACHINE_PATH = re.compile(r"(?<![\w./:-])(?:/(?:home|Users|root|work|tmp|mnt|opt|workspace)/\w|[A-Za-z]:\\\w)")


def repository_files() -> list[Path]:
    """The files git tracks or would add. Empty where the tree is no git checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def machine_paths(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if MACHINE_PATH.search(line)]


def test_no_file_names_a_folder_of_one_machine() -> None:
    files = repository_files()
    if not files:
        pytest.skip("NOT A GIT CHECKOUT: the list of the repository's files comes from git")
    found = {}
    for path in files:
        body = path.read_bytes()
        if b"\0" not in body and path != Path(__file__):
            lines = machine_paths(body.decode("utf-8", errors="replace"))
            if lines:
                found[str(path.relative_to(ROOT))] = lines[:3]
    assert found == {}


def test_no_file_is_large() -> None:
    assert [path.name for path in repository_files() if path.stat().st_size > LARGEST_BYTES] == []


@pytest.mark.parametrize("task", ["icu_mortality", "icu_alarm"])
def test_a_shipped_model_is_an_ensemble_of_at_most_12_megabytes(repo_root: Path, task: str) -> None:
    folder = repo_root / "checkpoints" / task
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= CHECKPOINT_BYTES
    checkpoint = load_checkpoint(folder)
    assert len(checkpoint.model) == 5
    assert checkpoint.calibration is not None
    assert len(load_folds(folder)) == 5
    with safe_open(folder / "model.safetensors", "pt") as stored:
        assert {stored.get_tensor(name).dtype for name in stored.keys()} <= {torch.float16, torch.int64}  # noqa: SIM118


def test_machine_paths_are_recognised() -> None:
    assert machine_paths('open("/home/someone/data.csv")')
    assert machine_paths("see /tmp/x")
    assert machine_paths("C:\\Users")
    assert not machine_paths("https://example.org/home/page and data/tmp/x and #!/usr/bin/env bash")


def test_every_pinned_library_is_imported_or_explained(repo_root: Path) -> None:
    """What nothing uses is removed; a pin that no module imports says beside it why it is there."""
    names = {"scikit-learn": "sklearn"}
    tools = {"mypy", "ruff", "pytest-timeout", "pytest-xdist"}
    code = "\n".join(p.read_text(encoding="utf-8") for p in repo_root.rglob("*.py") if ".venv" not in p.parts)
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (repo_root / file).read_text().splitlines():
            if "==" not in line or "#" in line:
                continue
            name = line.split("==")[0]
            if name in tools or name.startswith("types-"):
                continue
            module = names.get(name, name.replace("-", "_"))
            assert re.search(rf"^\s*(import|from) {module}\b", code, re.MULTILINE), f"{file}: nothing imports {name}"
