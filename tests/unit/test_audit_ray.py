"""The same audit on a local cluster of two workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from amfn.types import InputError
from audit import Settings, open_audit, run_audit
from tests.audits import RECORDS, audited, write_model_and_data

pytest.importorskip("ray", reason="Ray is an extra: requirements-ray.txt")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_workers_write_what_one_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    write_model_and_data(tmp_path)
    alone = audited(tmp_path)
    seen: list[int] = []
    settings, data = Settings(part_size=10), [tmp_path / "stays.npz"]
    together = run_audit(
        tmp_path / "model", data, tmp_path / "ray", settings, engine="ray", workers=2, device="cpu",
        progress=lambda done, total: seen.append(done),
    )  # fmt: skip
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert seen[-1] == RECORDS
    assert together.data == alone.data
    columns = "record_id, answered_by, round(logit, 4), round(shapley_labs, 4)"
    ours, theirs = (
        open_audit(tmp_path / name).query(f"SELECT {columns} FROM records ORDER BY record_id")
        for name in ("audit", "ray")
    )
    assert ours.equals(theirs)


def test_a_cluster_that_is_not_there_and_no_worker_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model_and_data(tmp_path)
    data = [tmp_path / "stays.npz"]
    with pytest.raises(InputError, match="--workers"):
        run_audit(tmp_path / "model", data, tmp_path / "none", engine="ray", workers=0)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(InputError, match="cannot be reached"):
        run_audit(tmp_path / "model", data, tmp_path / "far", engine="ray")
