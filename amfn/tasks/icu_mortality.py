"""In-hospital death from the first 48 h of an ICU stay (PhysioNet/CinC Challenge 2012, Silva et al. 2012)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from amfn.readers.channels import ADMISSION, CHALLENGE2012, REFERENCE_SOURCE, VOLUMES
from amfn.tasks.base import Task, Wording, absent
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


def _demographics() -> tuple[Channel, ...]:
    plain = tuple(ADMISSION[name] for name in ("Age", "Height", "Weight"))
    sex = Channel("male", "", 0, 1, label="Sex: male", flag=True)
    icu = tuple(Channel(f"icu_{k}", "", 0, 1, label=f"{name} ICU", flag=True) for k, name in ICU_TYPES.items())
    return (*plain, sex, *icu)


def _schema() -> Schema:
    series = tuple(
        ModalitySpec(name, "series", tuple(CHALLENGE2012[v] for v in variables), label=label, steps=HOURS)
        for name, (label, variables) in GROUPS.items()
    )
    static = ModalitySpec("demographics", "static", _demographics(), label="Demographics")
    return Schema("icu_mortality", (*series, static), ("in_hospital_death",), REFERENCE_SOURCE)


def hourly(hours: np.ndarray, values: np.ndarray, channels: tuple[Channel, ...]) -> np.ndarray:
    """Charted rows -> the hourly grid. hours f64[N], values f32[N, C] with NaN -> f32[48, C], NaN where nothing was
    charted. Hour h holds [h, h + 1); an entry at exactly 48:00 counts to the last hour."""
    grid = np.full((HOURS, len(channels)), np.nan, np.float32)
    inside = (hours >= 0) & (hours <= HOURS)
    slot = np.minimum(hours[inside].astype(int), HOURS - 1)
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


class ICUMortality(Task):
    name = "icu_mortality"
    label = "in_hospital_death"
    reads = ("chart", "admission")
    schema = _schema()
    wording = Wording(
        title="ICU mortality",
        event="death in hospital",
        positive="Died in hospital",
        negative="Survived to discharge",
        group="ICU type",
    )
    citation = (
        "Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Predicting in-hospital mortality of ICU patients: the "
        "PhysioNet/Computing in Cardiology Challenge 2012. Computing in Cardiology 2012;39:245-248. Data: PhysioNet, "
        "Open Data Commons Attribution License v1.0."
    )

    preprocessing = (
        "Charted values of the first 48 h on an hourly grid: averaged within an hour, urine added up, mechanical "
        "ventilation held. z-scores of the training records, of log(1 + value) where a variable is skewed. Between "
        "measurements the last value is carried forward, before the first one the training mean stands in; the network "
        "is told by a mask and the time since the last measurement which is which. Nothing is removed for being sparse."
    )

    def prepare(self, record: Record) -> Record:
        """Charted rows -> the hourly grid of each modality, f32[48, C]; admission values -> demographics f32[1, C]."""
        self.require(record)
        # A stay with nothing charted in 48 h is still a stay: its demographics speak, the rest is missing.
        names = [channel.name for channel in record.channels.get("chart", ())]
        hours = record.hours.get("chart", np.zeros(0))
        chart = record.values.get("chart", np.zeros((0, 0), np.float32))
        values: dict[str, np.ndarray] = {}
        observed: dict[str, np.ndarray] = {}
        for spec in self.schema.modalities[:-1]:
            columns = [names.index(c.name) if c.name in names else -1 for c in spec.channels]
            picked = np.full((len(hours), len(columns)), np.nan, np.float32)
            for to, column in enumerate(columns):
                if column >= 0:
                    picked[:, to] = chart[:, column]
            values[spec.name] = hourly(hours, picked, spec.channels)
            observed[spec.name] = ~np.isnan(values[spec.name])
        values["demographics"], observed["demographics"] = self._admission(record)
        late = int((~np.isnan(chart[hours > HOURS])).sum())
        findings = record.meta.findings
        if late:
            findings = (*findings, Finding("chart", f"values after hour {HOURS} are not seen by the model", late))
        grid = np.arange(HOURS, dtype=np.float64)
        return replace(
            record,
            channels={spec.name: spec.channels for spec in self.schema.modalities},
            values=values,
            observed=observed,
            hours={m: grid if m != "demographics" else np.zeros(1) for m in values},
            meta=replace(record.meta, findings=findings),
        )

    def _admission(self, record: Record) -> tuple[np.ndarray, np.ndarray]:
        spec = self.schema.modality("demographics")
        values, observed = absent(1, len(spec.channels))
        if "admission" not in record.values:
            return values, observed
        row = dict(
            zip((c.name for c in record.channels["admission"]), record.values["admission"][0].tolist(), strict=True)
        )
        nan = float("nan")
        icu = row.get("ICUType", nan)
        flags = [float(icu == k) if icu == icu else nan for k in ICU_TYPES]
        plain = [row.get(name, nan) for name in ("Age", "Height", "Weight", "Gender")]
        values[0] = np.array(plain + flags, np.float32)
        return values, ~np.isnan(values)

    def group(self, record: Record) -> str:
        for k, channel in enumerate(record.channels.get("demographics", ())):
            if channel.name.startswith("icu_") and record.values["demographics"][0, k] == 1:
                return channel.title.removesuffix(" ICU")
        return "unknown"

    def official_score(self, labels: np.ndarray, probabilities: np.ndarray) -> Mapping[str, float]:
        """Event 1 of the challenge: min(sensitivity, positive predictive value), at the threshold that maximises it."""
        # Imported where it is used: only evaluation needs it, and the first screen should not wait for it.
        from sklearn.metrics import precision_recall_curve

        precision, recall, _ = precision_recall_curve(labels, probabilities)
        return {"event_1": float(np.minimum(precision, recall).max())}
