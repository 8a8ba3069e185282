"""Audits to compare, and the Compare page opened on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from amfn.checkpoint import Member, save_checkpoint
from amfn.dataset import Cohort
from amfn.fusion import build_fusion
from amfn.fusion.ensemble import Ensemble
from app import compare_choose, compare_view
from app.compare_data import Comparison, compared
from audit import Settings, run_audit
from tests.app.screen import ROOT, go, open_app
from tests.audits import audited, write_model_and_data

STAYS = ROOT / "sample_data" / "icu_mortality"
MODEL = ROOT / "checkpoints" / "icu_mortality"
TASK = "icu_mortality"
DRAWN = {"figures": 1, "answers": 2, "reasons": 4, "record": 0}
"""Charts of each section."""


def write_small(folder: Path) -> Path:
    """Audits of random stays: "whole", "one" (network-0 alone), "late" (another system, untrained as well)."""
    cohort = write_model_and_data(folder)
    audited(folder, "whole")
    audited(folder, "one", answered="network-0")
    late(folder / "late_model", cohort)
    run_audit(folder / "late_model", [folder / "stays.npz"], folder / "late", Settings(part_size=10))
    return folder


def late(path: Path, cohort: Cohort) -> None:
    """A checkpoint of late fusion, which has neither fusion weights nor attention."""
    settings = {"dim": 8, "encoder": {"sequence": "none", "width": 8}}
    model = build_fusion("late", cohort.task.schema, settings, (0.3,)).eval()
    save_checkpoint(path, Member(Ensemble([model]).eval(), cohort.fit_normaliser(np.arange(len(cohort)))), {}, "# Late")


def beside(*audits: Path, **kept: object) -> AppTest:
    """The page on these audits, the first one for reference."""
    at = open_app(task=TASK)
    at.session_state["kept"] = {
        compare_choose.ADDED: tuple(map(str, audits)),
        f"{compare_choose.CHOSEN}:{TASK}": [f"audit:{path}" for path in audits],
        **kept,
    }
    return go(at, "compare")


def show(at: AppTest, section: str) -> AppTest:
    at.session_state["kept"] = at.session_state["kept"] | {compare_view.SECTION: section}
    return at.run()


def of(*audits: Path) -> Comparison:
    return compared([str(path) for path in audits])
