"""The second half of `app.services`: explanations that are computed on demand, and the stored report on them.

Cached like the rest: by record hash, model hash and settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import streamlit as st

from amfn.checkpoint import Checkpoint
from amfn.types import InputError, Record
from app import services
from app.figures import Unit
from app.views import Case
from explain.report import FILE, Report
from explain.trajectory import Trajectory
from explain.trajectory import trajectory as _trajectory


def explanation_report(task: str) -> Report | None:
    """What was measured of this model's explanations; None where nothing was, or where it was of other weights.

    Raises InputError for a file that is no report.
    """
    path = services.checkpoint_folder() / task / FILE
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        return None
    found = _report(str(path), modified)
    return found if found.model == services.checkpoint(task).digest else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _report(path: str, modified: int) -> Report:
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            path, f"a file that cannot be read ({error})", "the report that `audit-explanations` wrote",
            "Write it again, or delete it.",
        ) from error  # fmt: skip
    return Report.from_json(path, data)


@dataclass(frozen=True, slots=True, eq=False)
class Unfolding:
    """A record as it unfolds, on the clock of a chart. times: f64[N] in `unit`, hours ascending or seconds before the
    alarm descending; the moments of `found`, row for row."""

    found: Trajectory
    times: np.ndarray
    unit: Unit

    @property
    def first_known(self) -> int:
        """Position of the first moment at which anything was known; N where nothing ever was."""
        known = self.found.present.any(axis=1)
        return int(np.argmax(known)) if np.any(known) else len(self.times)

    def where_present(self, values: np.ndarray) -> np.ndarray:
        """values f64[N, M] of the modalities, NaN where one was not there yet."""
        return np.where(self.found.present, values, np.nan)


def trajectory(opened: Case, shapley: bool = False) -> Unfolding:
    """What the model says at each moment from what was known by then; shapley: with the contributions at each."""
    model = services.checkpoint(opened.listing.task)
    return _unfold(opened.digest, model.digest, shapley, opened.record, model)


@st.cache_data(max_entries=32, show_spinner=False)
def _unfold(record_digest: str, weights: str, shapley: bool, _record: Record, _model: Checkpoint) -> Unfolding:
    hours, known = _model.task.unfold(_record)
    found = _trajectory(_model.model, _model.batch(list(known)), shapley=shapley, times=hours)
    alarm = _record.meta.alarm
    if alarm is None:
        return Unfolding(found, hours, "h")
    return Unfolding(found, np.round(3600 * (alarm.hours - hours), 3), "s before alarm")
