"""Small real audits of random stays with a small untrained model: nothing in them stems from a patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amfn.calibration import fit_calibration
from amfn.dataset import Cohort
from audit import Manifest, Settings, run_audit
from tests.cohorts import stays, write_tiny_checkpoint

RECORDS = 24


def write_model_and_data(folder: Path, records: int = RECORDS) -> Cohort:
    """`folder/model`, with two folds for all but the last four records and a calibration, and `folder/stays.npz`."""
    cohort = stays(records)
    known = records - 4
    folds = np.arange(known) % 2
    draw = np.random.default_rng(1)
    fitted = fit_calibration(draw.normal(size=known), cohort.labels[:known], cohort.present()[:known], folds)
    fold_of = dict(zip(cohort.ids[:known], folds.tolist(), strict=True))
    write_tiny_checkpoint(folder / "model", cohort, folds=2, fold_of=fold_of, calibration=fitted)
    cohort.save(folder / "stays.npz")
    return cohort


def audited(folder: Path, name: str = "audit", **settings: object) -> Manifest:
    """An audit of what `write_model_and_data` left, in `folder / name`, in parts of ten."""
    chosen = Settings(**{"part_size": 10, **settings})  # type: ignore[arg-type]
    return run_audit(folder / "model", [folder / "stays.npz"], folder / name, chosen)
