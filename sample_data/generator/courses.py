"""The hidden course of a simulated stay: how ill each organ system is over 48 hours, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .rhythm import Floats

HOURS = np.arange(0.0, 48.01, 0.25)
SYSTEMS = ("heart_rate", "blood_pressure", "oxygenation", "respiration", "labs", "neuro_temperature", "urine")
PLANTED: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "labs": (
        "lactic acidosis and kidney failure",
        ("Lactate", "Creatinine", "BUN", "HCO3", "K"),
        "lactate, creatinine and urea rise while bicarbonate falls",
    ),
    "blood_pressure": (
        "refractory shock",
        ("SysABP", "DiasABP", "MAP", "NISysABP", "NIDiasABP", "NIMAP"),
        "arterial pressure falls and does not recover",
    ),
    "urine": ("oliguria", ("Urine",), "hourly urine dwindles to almost nothing"),
    "neuro_temperature": ("falling consciousness", ("GCS", "Temp"), "the coma scale falls and the patient cools"),
    "oxygenation": (
        "refractory hypoxia",
        ("PaO2", "SaO2", "FiO2"),
        "arterial oxygen falls although more and more oxygen is given",
    ),
    "respiration": (
        "respiratory failure",
        ("RespRate", "PaCO2", "pH"),
        "breathing quickens, carbon dioxide climbs and pH falls",
    ),
}
_MIDPOINT, _STEEPNESS = 1.3, 3.0
ISOLATED_BELOW = 0.5
"""Severity that a survivor's turn stays below where the planted cause is to be the only one."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """states[system]: f64[193], severity on the quarter hours of 48 h (0 a usual ICU patient, 3 gravely ill).

    `planted` is the system that carries the course; its turn for the worse lies in [start, stop] hours. `risk` is the
    logistic function of the course's last twelve hours from which the outcome `died` was drawn.
    """

    states: Mapping[str, Floats]
    planted: str
    start: float
    stop: float
    size: float
    risk: float
    died: bool

    def at(self, system: str, hour: float) -> float:
        """Severity of one system at one hour."""
        return float(np.interp(hour, HOURS, self.states[system]))


def wander(rng: np.random.Generator, spread: float, memory_h: float) -> Floats:
    """Ornstein-Uhlenbeck course f64[193] around nought with standard deviation `spread`."""
    keep = float(np.exp(-0.25 / memory_h))
    steps = rng.normal(0.0, spread * np.sqrt(1 - keep**2), len(HOURS))
    course = np.empty(len(HOURS))
    now = rng.normal(0.0, spread)
    for index, step in enumerate(steps):
        now = keep * now + step
        course[index] = now
    return course


def course(rng: np.random.Generator, planted: str, declining: bool, age: float, isolated: bool = False) -> Course:
    """One stay. A declining one worsens in the planted system and stays bad; another one, if it worsens, recovers.

    isolated: a declining stay is like any other in all but the planted system, and dies of it for certain; another one
    does not worsen by more than `ISOLATED_BELOW`, and lives. Nothing else then tells the two apart.
    """
    if isolated:
        level, trend = rng.normal(-0.2, 0.4), rng.normal(-0.4, 0.2)
        size = rng.uniform(2.6, 3.6) if declining else rng.uniform(0.0, ISOLATED_BELOW)
    elif declining:
        level, trend, size = rng.normal(1.15, 0.25), rng.normal(0.4, 0.15), rng.uniform(2.6, 3.6)
    else:
        level, trend, size = rng.normal(-0.2, 0.4), rng.normal(-0.4, 0.2), rng.uniform(0.0, 1.8)
    shared = level + trend * (HOURS / 48.0 - 0.3) + wander(rng, 0.25, 10.0)
    start = float(np.round(rng.uniform(10.0, 26.0), 1))
    rise_h = float(rng.uniform(6.0, 14.0))
    bend = 1.0 / (1.0 + np.exp(-(HOURS - start - rise_h / 2) / (rise_h / 8)))
    if declining:
        stop = 48.0
    else:
        stop = float(np.round(min(46.0, start + rise_h + rng.uniform(5.0, 10.0)), 1))
        bend = bend / (1.0 + np.exp((HOURS - stop + 2.0) / 1.5))
    states = {}
    for system in SYSTEMS:
        own = rng.normal(0.0, 0.35) + wander(rng, 0.22, 5.0)
        weight = 0.75 if system != "heart_rate" else 0.6
        states[system] = weight * shared + own + (size * bend if system == planted else 0.0)
    late = HOURS >= 36.0
    burden = float(np.mean(0.6 * shared[late] + 0.55 * size * bend[late])) + 0.012 * (age - 65.0)
    risk = 1.0 / (1.0 + np.exp(-_STEEPNESS * (burden - _MIDPOINT)))
    if isolated:
        return Course(states, planted, start, stop, size, float(declining), declining)
    return Course(states, planted, start, stop, size, float(risk), bool(rng.random() < risk))
