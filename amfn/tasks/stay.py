"""What the tasks on charted ICU stays share: groups of variables, the hourly grid, the admission row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from amfn.readers.channels import ADMISSION, CHALLENGE2012, REFERENCE_SOURCE, VOLUMES
from amfn.tasks.base import Task, absent
from amfn.types import Channel, Finding, ModalitySpec, Record, Schema

HOURS = 48
GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "heart_rate": ("Heart rate", ("HR",)),
    "blood_pressure": ("Blood pressure", ("SysABP", "DiasABP", "MAP", "NISysABP", "NIDiasABP", "NIMAP")),
    "oxygenation": ("Oxygenation", ("PaO2", "SaO2", "FiO2")),
    "respiration": ("Respiration", ("RespRate", "MechVent", "PaCO2", "pH")),
    "labs": (
        "Laboratory",
        (
            "Albumin", "ALP", "ALT", "AST", "Bilirubin", "BUN", "Cholesterol", "Creatinine", "Glucose", "HCO3",
            "HCT", "K", "Lactate", "Mg", "Na", "Platelets", "TroponinI", "TroponinT", "WBC",
        ),
    ),
    "neuro_temperature": ("Neuro and temperature", ("GCS", "Temp")),
    "urine": ("Urine output", ("Urine",)),
}  # fmt: skip
# Within an hour: volumes add up, a ventilator flag holds if it was ever set, everything else is averaged.
HELD = frozenset({"MechVent"})
ICU_TYPES = {1: "Coronary care", 2: "Cardiac surgery recovery", 3: "Medical", 4: "Surgical"}
AGES = ((45, "15 to 44 years"), (65, "45 to 64 years"), (80, "65 to 79 years"), (math.inf, "80 years and over"))
NOT_STATED = "not stated"


def _demographics() -> tuple[Channel, ...]:
    plain = tuple(ADMISSION[name] for name in ("Age", "Height", "Weight"))
    sex = Channel("male", "", 0, 1, label="Sex: male", flag=True)
    icu = tuple(Channel(f"icu_{k}", "", 0, 1, label=f"{name} ICU", flag=True) for k, name in ICU_TYPES.items())
    return (*plain, sex, *icu)


def stay_schema(task: str, hours: int, targets: tuple[str, ...]) -> Schema:
    """The groups of charted variables as series of `hours` steps, and the admission row."""
    series = tuple(
        ModalitySpec(name, "series", tuple(CHALLENGE2012[v] for v in variables), label=label, steps=hours)
        for name, (label, variables) in GROUPS.items()
    )
    static = ModalitySpec("demographics", "static", _demographics(), label="Demographics")
    return Schema(task, (*series, static), targets, REFERENCE_SOURCE)


def slots(hours: np.ndarray) -> np.ndarray:
    """The hour of the grid that each time falls into, int[N]: hour h holds [h, h + 1); an entry at exactly 48:00
    counts to the last hour."""
    return np.where(hours == HOURS, HOURS - 1, np.floor(hours)).astype(int)


def hourly(hours: np.ndarray, values: np.ndarray, channels: tuple[Channel, ...]) -> np.ndarray:
    """Charted rows -> the hourly grid. hours f64[N], values f32[N, C] with NaN -> f32[48, C], NaN where nothing was
    charted."""
    grid = np.full((HOURS, len(channels)), np.nan, np.float32)
    slot = slots(hours)
    inside = (slot >= 0) & (slot < HOURS)
    slot = slot[inside]
    for c, channel in enumerate(channels):
        column = values[inside, c].astype(np.float64)
        seen = ~np.isnan(column)
        if not seen.any():
            continue
        count = np.bincount(slot[seen], minlength=HOURS)
        total = np.bincount(slot[seen], weights=column[seen], minlength=HOURS)
        filled = count > 0
        if channel.name in VOLUMES:
            grid[filled, c] = total[filled]
        elif channel.name in HELD:
            grid[filled, c] = total[filled] > 0
        else:
            grid[filled, c] = total[filled] / count[filled]
    return grid


def stay_preprocessing(hours: int) -> str:
    """What is done to the first hours of a stay before a network reads them, in words."""
    return (
        f"Charted values of the first {hours} h on an hourly grid: averaged within an hour, urine added up, mechanical "
        "ventilation held. z-scores of the training records, of log(1 + value) where a variable is skewed. Between "
        "measurements the last value is carried forward, before the first one the training mean stands in; the network "
        "is told by a mask and the time since the last measurement which is which. Nothing is removed for being sparse."
    )


class StayTask(Task):
    """A task on the first hours of a stay: as many as its schema's series have steps."""

    reads = ("chart", "admission")
    citation = (
        "Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Predicting in-hospital mortality of ICU patients: the "
        "PhysioNet/Computing in Cardiology Challenge 2012. Computing in Cardiology 2012;39:245-248. Data: PhysioNet, "
        "Open Data Commons Attribution License v1.0."
    )

    def prepare(self, record: Record) -> Record:
        """Charted rows -> the hourly grid of each modality, f32[T, C]; admission values -> demographics f32[1, C]."""
        self.require(record)
        # A stay with nothing charted is still a stay: its demographics speak, the rest is missing.
        names = [channel.name for channel in record.channels.get("chart", ())]
        hours = record.hours.get("chart", np.zeros(0))
        chart = record.values.get("chart", np.zeros((0, 0), np.float32))
        grid: dict[str, np.ndarray] = {}
        for spec in self.schema.modalities[:-1]:
            columns = [names.index(c.name) if c.name in names else -1 for c in spec.channels]
            picked = np.full((len(hours), len(columns)), np.nan, np.float32)
            for to, column in enumerate(columns):
                if column >= 0:
                    picked[:, to] = chart[:, column]
            grid[spec.name] = hourly(hours, picked, spec.channels)
        window = self.schema.modalities[0].steps
        values = {name: whole[:window] for name, whole in grid.items()}
        values["demographics"] = self._admission(record)
        late = int((~np.isnan(chart[slots(hours) >= window])).sum())
        findings = record.meta.findings
        if late:
            findings = (*findings, Finding("chart", f"values after hour {window} are not seen by the model", late))
        times = np.arange(window, dtype=np.float64)
        return replace(
            record,
            channels={spec.name: spec.channels for spec in self.schema.modalities},
            values=values,
            observed={m: ~np.isnan(v) for m, v in values.items()},
            hours={m: times if m != "demographics" else np.zeros(1) for m in values},
            labels={**record.labels, **self.outcomes(grid)},
            meta=replace(record.meta, findings=findings),
        )

    def unfold(self, record: Record) -> tuple[np.ndarray, tuple[Record, ...]]:
        """Every hour of the window, from 1 on: what was charted before it, and the admission row from the start.

        A prepared stay has all its steps whatever was charted: by hour 10 it is one in which nothing came after.
        """
        whole = self.prepare(record)
        charted = [spec.name for spec in self.schema.modalities[:-1]]
        window = self.schema.modalities[0].steps
        known = []
        for hour in range(1, window):
            values = dict(whole.values)
            for name in charted:
                values[name] = values[name].copy()
                values[name][hour:] = np.nan
            observed = {m: ~np.isnan(v) for m, v in values.items()}
            known.append(replace(whole, values=values, observed=observed, meta=replace(whole.meta, findings=())))
        return np.arange(1, window + 1, dtype=np.float64), (*known, whole)

    def outcomes(self, grid: Mapping[str, np.ndarray]) -> Mapping[str, float]:
        """Labels that are themselves charted, from all 48 hours: grid[m] f32[48, C], NaN where nothing was charted."""
        return {}

    def _admission(self, record: Record) -> np.ndarray:
        spec = self.schema.modality("demographics")
        values, _ = absent(1, len(spec.channels))
        if "admission" not in record.values:
            return values
        row = dict(
            zip((c.name for c in record.channels["admission"]), record.values["admission"][0].tolist(), strict=True)
        )
        nan = float("nan")
        icu = row.get("ICUType", nan)
        flags = [float(icu == k) if icu == icu else nan for k in ICU_TYPES]
        plain = [row.get(name, nan) for name in ("Age", "Height", "Weight", "Gender")]
        values[0] = np.array(plain + flags, np.float32)
        return values

    def group(self, record: Record) -> str:
        for k, channel in enumerate(record.channels.get("demographics", ())):
            if channel.name.startswith("icu_") and record.values["demographics"][0, k] == 1:
                return channel.title.removesuffix(" ICU")
        return "unknown"

    def subgroups(self, values: Mapping[str, np.ndarray]) -> Mapping[str, Sequence[str]]:
        names = [channel.name for channel in self.schema.modality("demographics").channels]
        row = dict(zip(names, values["demographics"][:, 0].T, strict=True))
        sex = {1.0: "Male", 0.0: "Female"}
        icu = [[row[f"icu_{k}"][n] == 1 for k in ICU_TYPES] for n in range(len(row["Age"]))]
        return {
            "Age": [next((band for limit, band in AGES if age < limit), NOT_STATED) for age in row["Age"]],
            "Sex": [sex.get(float(male), NOT_STATED) for male in row["male"]],
            self.wording.group: [
                next((name for name, here in zip(ICU_TYPES.values(), flags, strict=True) if here), NOT_STATED)
                for flags in icu
            ],
        }
