"""From a hidden course to the chart of an ICU stay, as rows of the PhysioNet/CinC Challenge 2012 text format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .courses import HOURS, PLANTED, Course, course, wander

MODALITIES: Mapping[str, tuple[str, ...]] = {
    "heart_rate": ("HR",),
    "blood_pressure": ("SysABP", "DiasABP", "MAP", "NISysABP", "NIDiasABP", "NIMAP"),
    "oxygenation": ("PaO2", "SaO2", "FiO2"),
    "respiration": ("RespRate", "MechVent", "PaCO2", "pH"),
    "labs": (
        "Albumin", "ALP", "ALT", "AST", "Bilirubin", "BUN", "Cholesterol", "Creatinine", "Glucose", "HCO3", "HCT", "K",
        "Lactate", "Mg", "Na", "Platelets", "TroponinI", "TroponinT", "WBC",
    ),
    "neuro_temperature": ("GCS", "Temp"),
    "urine": ("Urine",),
    "demographics": ("Age", "Gender", "Height", "ICUType", "Weight"),
}  # fmt: skip
CORONARY, CARDIAC_SURGERY, MEDICAL, SURGICAL = 1, 2, 3, 4
_DECIMALS = {
    "NIMAP": 2, "pH": 2, "FiO2": 2, "TroponinT": 2, "Creatinine": 1, "Lactate": 1, "K": 1, "Mg": 1, "HCT": 1, "WBC": 1,
    "Bilirubin": 1, "Albumin": 1, "Temp": 1, "TroponinI": 1, "Weight": 1, "Height": 1,
}  # fmt: skip

Row = tuple[int, str, float]
"""Minutes since admission, parameter, value."""


@dataclass(frozen=True, slots=True, eq=False)
class Stay:
    """rows in the order of the file; `missing` are the modalities without any value."""

    rows: tuple[Row, ...]
    course: Course
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """The file's text."""
        lines = ["Time,Parameter,Value"]
        for minute, name, value in self.rows:
            shown = f"{value:.{_DECIMALS.get(name, 0)}f}"
            if "." in shown:
                shown = shown.rstrip("0").rstrip(".")
            lines.append(f"{minute // 60:02d}:{minute % 60:02d},{name},{shown}")
        return "\n".join(lines) + "\n"


class _Chart:
    """Collects rows; a value is rounded as the ward's system stores it, and kept within what a device can show."""

    def __init__(self, skipped: frozenset[str]) -> None:
        self.rows: list[Row] = []
        self._skipped = frozenset(name for modality in skipped for name in MODALITIES[modality])

    def add(self, hour: float, name: str, value: float, low: float, high: float) -> None:
        minute = round(hour * 60)
        if name not in self._skipped and 0 <= minute < 48 * 60:
            self.rows.append((minute, name, float(np.clip(value, low, high))))


def _times(rng: np.random.Generator, first: float, every: float, jitter: float, last: float = 47.95) -> list[float]:
    times, now = [], first
    while now < last:
        times.append(now)
        now += max(0.15, every * (1.0 + rng.normal(0.0, jitter)))
    return times


def _hourly(rng: np.random.Generator, minute: float, skip: float) -> list[float]:
    return [h + minute for h in range(48) if rng.random() >= skip]


def simulate(rng: np.random.Generator, record_id: int, planted: str, declining: bool, isolated: bool = False) -> Stay:
    """One stay whose course turns in the modality `planted`.

    isolated: age, unit, ventilation, how often is measured, and all other modalities are drawn as for a survivor, and
    no modality reflects what happens in another one: the planted cause alone tells who dies.
    """
    shows = declining and not isolated
    age = float(np.clip(rng.normal(72 if shows else 63, 12), 19, 90))
    patient = course(rng, planted, declining, age, isolated)
    ventilated = planted != "respiration" and rng.random() < (0.85 if shows or planted == "oxygenation" else 0.55)
    unit = int(rng.choice((1, 2, 3, 4), p=(0.12, 0.04, 0.58, 0.26) if shows else (0.14, 0.3, 0.32, 0.24)))
    if unit == CARDIAC_SURGERY and planted != "respiration":
        ventilated = True
    skipped = _skipped(rng, planted)
    chart = _Chart(skipped)
    arterial = ventilated or rng.random() < 0.45 or unit == CARDIAC_SURGERY
    gases = ventilated or planted in {"oxygenation", "respiration"} or rng.random() < 0.4
    offset = float(rng.uniform(0.05, 0.95))
    weight = float(np.clip(rng.normal(81, 18), 42, 160))
    _admission(rng, chart, record_id, age, unit, weight)
    coupling = 0.0 if isolated else 1.0
    _circulation(rng, chart, patient, offset, arterial, coupling)
    _breathing(rng, chart, patient, offset, ventilated, gases, coupling)
    _neurology(rng, chart, patient, offset, ventilated, unit)
    _laboratory(rng, chart, patient, unit, coupling)
    _urine(rng, chart, patient, offset)
    if rng.random() < 0.6:
        charted = round(weight + rng.normal(1.5, 2.0), 1)
        for hour in _hourly(rng, offset, 0.08)[int(rng.integers(1, 12)) :]:
            chart.add(hour, "Weight", charted, 35, 200)
    head = [row for row in chart.rows if row[0] == 0][:6]
    body = sorted({row[:2]: row for row in chart.rows[len(head) :] if row[0] > 0}.values(), key=_order)
    present = {name for _, name, _ in body}
    missing = tuple(m for m, names in MODALITIES.items() if m != "demographics" and not present & set(names))
    return Stay((*head, *body), patient, missing)


def _order(row: Row) -> tuple[int, str]:
    return row[0], row[1].lower()


def _skipped(rng: np.random.Generator, planted: str) -> frozenset[str]:
    odds = {
        "oxygenation": 0.24,
        "respiration": 0.16,
        "urine": 0.12,
        "labs": 0.08,
        "neuro_temperature": 0.06,
        "blood_pressure": 0.04,
    }
    return frozenset(m for m, p in odds.items() if rng.random() < p and m != planted)


def _admission(rng: np.random.Generator, chart: _Chart, record_id: int, age: float, unit: int, weight: float) -> None:
    gender = int(rng.random() < 0.56)
    height = rng.normal(176 if gender else 163, 7.5)
    chart.rows += [
        (0, "RecordID", float(record_id)),
        (0, "Age", float(round(age))),
        (0, "Gender", float(gender)),
        (0, "Height", float(np.round(height, 1)) if rng.random() < 0.51 else -1.0),
        (0, "ICUType", float(unit)),
        (0, "Weight", float(np.round(weight, 1)) if rng.random() < 0.92 else -1.0),
    ]


def _circulation(
    rng: np.random.Generator, chart: _Chart, patient: Course, offset: float, arterial: bool, coupling: float
) -> None:
    rate_base, pressure_base = rng.normal(84, 11), rng.normal(81, 7)
    pulse = rng.normal(0.76, 0.08)
    hours = _hourly(rng, offset, 0.02)
    unstable = [h for h in _times(rng, offset + 0.25, 0.7, 0.6, 40.0) if rng.random() < 0.3]
    cuff = rng.normal(-1.0, 2.5)
    rate_drift, pressure_drift = wander(rng, 4.5, 2.5), wander(rng, 5.5, 1.5)
    for hour in sorted({*hours, *(unstable if arterial else ())}):
        heart, pressure = patient.at("heart_rate", hour), patient.at("blood_pressure", hour)
        rate_now = np.interp(hour, HOURS, rate_drift) + rng.normal(0, 2.5)
        chart.add(hour, "HR", rate_base + 7 * heart + coupling * 4 * max(pressure, 0) + rate_now, 30, 190)
        mean = pressure_base - 8.5 * pressure + np.interp(hour, HOURS, pressure_drift) + rng.normal(0, 4.5)
        span = mean * pulse * (1 - 0.05 * pressure) + rng.normal(0, 7)
        if arterial and hour > 0.8 and rng.random() < 0.95:
            chart.add(hour, "MAP", mean, 28, 150)
            chart.add(hour, "SysABP", mean + 0.63 * span, 40, 230)
            chart.add(hour, "DiasABP", mean - 0.37 * span, 18, 120)
        if not arterial or rng.random() < 0.2:
            low, high = round(mean - 0.38 * span + cuff), round(mean + 0.6 * span + cuff)
            chart.add(hour, "NIDiasABP", low, 15, 120)
            chart.add(hour, "NISysABP", high, 40, 230)
            chart.add(hour, "NIMAP", (2 * low + high) / 3, 25, 150)


def _breathing(
    rng: np.random.Generator,
    chart: _Chart,
    patient: Course,
    offset: float,
    ventilated: bool,
    gases: bool,
    coupling: float,
) -> None:
    settled_late = patient.at("oxygenation", 40.0) < 0.3
    # The ventilator belongs to respiration: where the cause is isolated, no other system may decide how long it stays.
    weaning = (settled_late or not coupling) and rng.random() < 0.6
    free_from = float(rng.uniform(9, 34)) if weaning else 48.0
    if ventilated:
        for hour in _times(rng, offset + 0.3, 2.7, 0.45, free_from):
            chart.add(hour, "MechVent", 1, 1, 1)
    else:
        base = rng.normal(18.2, 2.0)
        for hour in _hourly(rng, offset, 0.03):
            chart.add(hour, "RespRate", base + 2.6 * patient.at("respiration", hour) + rng.normal(0, 2.4), 6, 48)
    if not gases:
        return
    carbon, oxygen = rng.normal(39.5, 4.5), rng.normal(0.0, 0.18)
    monitor = patient.planted == "oxygenation" or rng.random() < 0.55
    every = 4.5 if ventilated else 9.0
    given = 1.3 if ventilated else 0.5
    for hour in _times(rng, offset + 0.2, every / 1.4, 0.4):
        oxygenation = patient.at("oxygenation", hour)
        settled = float(np.clip(np.round(0.46 + 0.11 * oxygenation + rng.normal(0, 0.03), 1), 0.4, 1.0))
        given = max(settled, given - 0.3)
        if ventilated or rng.random() < 0.4:
            chart.add(hour, "FiO2", given, 0.21, 1)
        if rng.random() < 0.62:
            respiration, acid = patient.at("respiration", hour), coupling * patient.at("labs", hour)
            tension = 118 * np.exp(-0.24 * oxygenation + oxygen + 0.9 * max(0.0, given - 0.5) + rng.normal(0, 0.2))
            carbon_now = carbon + 4.0 * max(0.0, respiration - 0.8) - 1.2 * acid + rng.normal(0, 3.0)
            chart.add(hour + 0.05, "PaO2", tension, 35, 480)
            chart.add(hour + 0.05, "PaCO2", carbon_now, 18, 95)
            chart.add(
                hour + 0.05, "pH", 7.395 - 0.03 * acid - 0.006 * (carbon_now - 39) + rng.normal(0, 0.02), 6.9, 7.6
            )
            if monitor and rng.random() < 0.6:
                chart.add(hour + 0.05, "SaO2", 97.6 - 1.1 * oxygenation + rng.normal(0, 0.8), 68, 100)


def _neurology(
    rng: np.random.Generator, chart: _Chart, patient: Course, offset: float, ventilated: bool, unit: int
) -> None:
    sedation = (5.5 if unit == CARDIAC_SURGERY else 4.0) * float(ventilated) * rng.uniform(0.5, 1.3)
    clears = float(rng.uniform(8, 34)) if patient.at("neuro_temperature", 40.0) < 1.0 else 60.0
    warm = rng.normal(37.1, 0.35)
    for hour in _times(rng, offset, 3.7, 0.15):
        neuro = patient.at("neuro_temperature", hour)
        drowsy = sedation / (1.0 + np.exp((hour - clears) / 3.0))
        chart.add(hour, "GCS", np.round(14.4 - 2.5 * max(neuro, -0.2) - drowsy + rng.normal(0, 0.7)), 3, 15)
    for hour in _times(rng, offset, 3.2 if unit != CARDIAC_SURGERY else 1.6, 0.35):
        neuro = patient.at("neuro_temperature", hour)
        cold = 0.9 * np.exp(-hour / 5.0)
        chart.add(hour, "Temp", warm - cold - 0.28 * neuro + rng.normal(0, 0.38), 32.5, 40.8)


def _laboratory(rng: np.random.Generator, chart: _Chart, patient: Course, unit: int, coupling: float) -> None:
    own = {name: rng.normal() for name in MODALITIES["labs"]}

    def ill(hour: float) -> float:
        return patient.at("labs", hour)

    def kidney(hour: float) -> float:
        hours = np.linspace(max(0.0, hour - 14.0), hour, 8)
        slow = float(np.mean([patient.at("labs", h) for h in hours]))
        return 0.7 * slow + coupling * 0.3 * patient.at("urine", hour)

    recipes: Mapping[str, Callable[[float], tuple[float, float, float]]] = {
        "BUN": lambda h: (19.5 * np.exp(0.42 * kidney(h) + 0.42 * own["BUN"]), 3, 160),
        "Creatinine": lambda h: (0.95 * np.exp(0.36 * kidney(h) + 0.3 * own["Creatinine"]), 0.3, 11),
        "Na": lambda h: (139 + 3.4 * own["Na"] + rng.normal(0, 1.3), 118, 160),
        "K": lambda h: (4.08 + 0.18 * kidney(h) + 0.28 * own["K"] + rng.normal(0, 0.27), 2.5, 7.4),
        "HCO3": lambda h: (23.6 - 2.0 * ill(h) + 2.3 * own["HCO3"] + rng.normal(0, 0.9), 7, 40),
        "Glucose": lambda h: (126 * np.exp(0.07 * ill(h) + 0.2 * own["Glucose"] + rng.normal(0, 0.16)), 48, 480),
        "Mg": lambda h: (2.0 + 0.25 * own["Mg"] + rng.normal(0, 0.15), 1.0, 4.0),
        "HCT": lambda h: (30.6 + 3.6 * own["HCT"] + rng.normal(0, 1.4), 18, 50),
        "Platelets": lambda h: (180 * np.exp(-0.16 * ill(h) + 0.42 * own["Platelets"] - 0.004 * h), 12, 650),
        "WBC": lambda h: (11.0 * np.exp(0.1 * ill(h) + 0.36 * own["WBC"] + rng.normal(0, 0.1)), 0.5, 60),
        "Lactate": lambda h: (1.7 * np.exp(0.42 * ill(h) + 0.3 * own["Lactate"] + rng.normal(0, 0.1)), 0.5, 20),
        "Albumin": lambda h: (3.05 - 0.22 * ill(h) + 0.45 * own["Albumin"], 1.1, 4.9),
        "ALP": lambda h: (78 * np.exp(0.1 * ill(h) + 0.45 * own["ALP"]), 20, 900),
        "ALT": lambda h: (42 * np.exp(0.3 * ill(h) + 0.95 * own["ALT"]), 6, 5000),
        "AST": lambda h: (60 * np.exp(0.32 * ill(h) + 0.6 * own["ALT"] + 0.6 * own["AST"]), 8, 7000),
        "Bilirubin": lambda h: (0.85 * np.exp(0.35 * ill(h) + 0.75 * own["Bilirubin"]), 0.1, 35),
        "Cholesterol": lambda h: (152 + 36 * own["Cholesterol"], 70, 320),
        "TroponinI": lambda h: (3.0 * np.exp(1.0 * own["TroponinI"]), 0.3, 48),
        "TroponinT": lambda h: (0.17 * np.exp(1.3 * own["TroponinT"]), 0.01, 20),
    }
    coronary = unit == CORONARY
    severe = patient.risk > 0.5 and coupling > 0
    panels: tuple[tuple[tuple[str, ...], float, float], ...] = (
        (("BUN", "Creatinine", "Na", "K", "HCO3", "Glucose", "Mg"), 1.0, 12.0 if severe else 16.0),
        (("HCT", "Platelets", "WBC"), 1.0, 12.0 if severe else 16.0),
        (("Lactate",), 1.0 if severe or patient.planted == "labs" else 0.4, 8.0 if severe else 20.0),
        (("ALP", "ALT", "AST", "Bilirubin"), 0.68 if severe else 0.4, 34.0),
        (("Albumin",), 0.5 if severe else 0.38, 40.0),
        (("TroponinT",), 0.42 if coronary else 0.18, 20.0),
        (("TroponinI",), 0.1 if coronary else 0.05, 20.0),
        (("Cholesterol",), 0.2 if coronary else 0.05, 60.0),
    )
    for names, odds, every in panels:
        if rng.random() >= odds:
            continue
        for hour in _times(rng, rng.uniform(0.3, 6.0), every, 0.3):
            for name in names:
                chart.add(hour, name, *recipes[name](hour))


def _urine(rng: np.random.Generator, chart: _Chart, patient: Course, offset: float) -> None:
    base = rng.normal(0.0, 0.3)
    for hour in _hourly(rng, offset, float(rng.choice((0.08, 0.2, 0.5)))):
        state = patient.at("urine", hour)
        early = 0.7 * np.exp(-hour / 4.0)
        volume = 84 * np.exp(base + early - 0.58 * state + rng.normal(0, 0.5))
        chart.add(hour, "Urine", 5 * np.round(volume / 5) if volume >= 7 else np.round(volume), 0, 1400)


def plan(rng: np.random.Generator, count: int) -> list[tuple[str, bool]]:
    """For `count` stays the modality that carries the course, and whether it declines (about three in ten)."""
    names = list(PLANTED)
    declining = rng.permutation(np.arange(count) < round(0.31 * count))
    turns, others = iter(range(count)), iter(range(count))
    return [(names[(next(turns) if bad else next(others)) % len(names)], bool(bad)) for bad in declining]
