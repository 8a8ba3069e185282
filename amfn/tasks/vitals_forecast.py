"""Vital signs of the next six hours from the first 36 h of an ICU stay (data: PhysioNet/CinC Challenge 2012)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from amfn.readers.channels import CHALLENGE2012
from amfn.tasks.base import Wording
from amfn.tasks.stay import StayTask, stay_preprocessing, stay_schema
from amfn.types import Channel, Record

WINDOW = 36
HORIZONS = (1, 2, 3, 4, 5, 6)
"""Hours ahead: h is the mean of what was charted in hour WINDOW + h - 1, which ends h hours after the window."""
# An arterial line is read where there is one, in the hours without one the cuff: three stays in ten never have a line,
# and lines are pulled as patients recover. What is predicted and what is carried forward follow the same rule.
SOURCES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "HR": ("heart_rate", ("HR",)),
    "MAP": ("blood_pressure", ("MAP", "NIMAP")),
    "RespRate": ("respiration", ("RespRate",)),
    "Temp": ("neuro_temperature", ("Temp",)),
}
VITALS: tuple[Channel, ...] = tuple(CHALLENGE2012[name] for name in SOURCES)
TARGETS = tuple(f"{name}_{h}h" for name in SOURCES for h in HORIZONS)
"""One vital after the other, each at all horizons: f32[N, 24] is f32[N, vitals, horizons] laid flat."""


class VitalsForecast(StayTask):
    name = "vitals_forecast"
    kind = "regression"
    schema = stay_schema("vitals_forecast", WINDOW, TARGETS)
    wording = Wording(
        title="Vital signs forecast",
        event="heart rate, mean arterial pressure, respiration rate and temperature in the next 6 h",
        group="ICU type",
    )
    preprocessing = (
        f"{stay_preprocessing(WINDOW)} Predicted are the hourly means of hours {WINDOW} to {WINDOW + len(HORIZONS)} "
        "where they were charted, as changes from the last hourly mean before (where there was none, from the training "
        "mean), in units of the training spread of that change. Mean arterial pressure: the arterial line's, in hours "
        "without one the cuff's."
    )

    def vitals(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """The predicted vitals of a grid, f32[T, 4], NaN where not charted."""
        columns = []
        for modality, names in SOURCES.values():
            at = [c.name for c in self.schema.modality(modality).channels]
            column = values[modality][:, at.index(names[0])]
            for name in names[1:]:
                column = np.where(np.isnan(column), values[modality][:, at.index(name)], column)
            columns.append(column)
        return np.stack(columns, 1)

    def outcomes(self, grid: Mapping[str, np.ndarray]) -> Mapping[str, float]:
        ahead = self.vitals(grid)[WINDOW : WINDOW + len(HORIZONS)].T.ravel()
        return {name: float(value) for name, value in zip(TARGETS, ahead, strict=True) if not np.isnan(value)}

    def anchor_of(self, record: Record) -> np.ndarray:
        """The last hourly mean of each vital before the window's end, the same at all its horizons."""
        seen = self.vitals(record.values)
        last = np.array([next((v for v in column[::-1] if not np.isnan(v)), np.nan) for column in seen.T], np.float32)
        return last.repeat(len(HORIZONS))

    def official_score(self, labels: np.ndarray, probabilities: np.ndarray) -> Mapping[str, float]:
        """None: the challenge did not ask for a forecast. Its measures are those of `amfn.regression`."""
        return {}
