"""What the readers know of channels: names, units, limits and reference intervals. Tables only, and one look-up.

Limits are wide data-cleaning limits, not clinical thresholds: a value outside them is taken for an artefact or a typing
error (a pH of 735, a height of 4 cm) and becomes unobserved. `normal` is an adult reference interval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from amfn.types import Channel

REFERENCE_SOURCE = "American Board of Internal Medicine, ABIM Laboratory Test Reference Ranges (adults)"


@dataclass(frozen=True, slots=True)
class WaveformRule:
    """How channels of one waveform modality are recognised and brought to one unit.

    `factors` maps an accepted unit (lower case) to its factor into `unit`. `bare_unit` is the unit taken where the
    header states none (None: not acceptable). The standard, WFDB header(5), says mV there, which is meant for ECG.
    """

    modality: str
    names: re.Pattern[str]
    unit: str
    low: float
    high: float
    factors: Mapping[str, float]
    bare_unit: str | None

    def channel(self, name: str) -> Channel:
        return Channel(name, self.unit, self.low, self.high)


def _names(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# Plethysmogram and impedance respiration have no calibrated scale: any of these units is an arbitrary one.
_ARBITRARY: Mapping[str, float] = MappingProxyType(dict.fromkeys(("nu", "%", "v", "mv", "ohm", "ohms"), 1.0))

WAVEFORMS: tuple[WaveformRule, ...] = (
    WaveformRule(
        "ecg",
        _names(
            r"(ecg|ekg)([ _-]?(lead)?[ _-]?\w+)?"
            r"|(lead )?(i|ii|iii|[-+]?av[rlf]|v([1-9]r?)?|ml(i|ii|iii)?|mcl\d?|c[mc]\d)"
        ),
        "mV",
        -20.0,
        20.0,
        MappingProxyType({"mv": 1.0, "uv": 1e-3, "v": 1e3}),
        "mv",
    ),
    WaveformRule(
        "abp",
        _names(r"(abp|art|ibp|bp|uap|fap)[ _-]?\d?"),
        "mmHg",
        -50.0,
        350.0,
        MappingProxyType({"mmhg": 1.0, "kpa": 7.50062, "cmh2o": 0.735559}),
        None,
    ),
    WaveformRule("ppg", _names(r"(pleth|ppg)([ _-]?\w+)?"), "NU", -1e5, 1e5, _ARBITRARY, "nu"),
    WaveformRule("resp", _names(r"resp([ _-]?(imp|\d))?|respiration"), "NU", -1e5, 1e5, _ARBITRARY, "nu"),
)


def waveform_rule(name: str) -> WaveformRule | None:
    """The rule for a channel of this name, as written in a header; None for a kind that no modality takes."""
    return next((rule for rule in WAVEFORMS if rule.names.fullmatch(name.strip())), None)


def _table(*channels: Channel) -> Mapping[str, Channel]:
    return MappingProxyType({channel.name: channel for channel in sorted(channels, key=lambda c: c.name)})


# PhysioNet/CinC Challenge 2012. Sex-specific intervals are given as their union. Mg: the challenge page says mmol/L,
# but values around 2.0 are those of the usual mg/dL (2 mmol/L would be toxic).
CHALLENGE2012: Mapping[str, Channel] = _table(
    Channel("ALP", "IU/L", 1, 5000, "Alkaline phosphatase", (30, 120)),
    Channel("ALT", "IU/L", 1, 25000, "Alanine transaminase", (10, 40)),
    Channel("AST", "IU/L", 1, 40000, "Aspartate transaminase", (10, 40)),
    Channel("Albumin", "g/dL", 0.5, 8, "Albumin", (3.5, 5.5)),
    Channel("BUN", "mg/dL", 1, 300, "Blood urea nitrogen", (8, 20)),
    Channel("Bilirubin", "mg/dL", 0.05, 100, "Bilirubin", (0.3, 1.0)),
    Channel("Cholesterol", "mg/dL", 10, 1000, "Cholesterol"),
    Channel("Creatinine", "mg/dL", 0.05, 50, "Creatinine", (0.5, 1.3)),
    Channel("DiasABP", "mmHg", 5, 250, "Diastolic pressure (arterial line)"),
    Channel("FiO2", "fraction", 0.15, 1, "Fraction of inspired oxygen"),
    Channel("GCS", "points", 3, 15, "Glasgow Coma Scale"),
    Channel("Glucose", "mg/dL", 5, 2000, "Glucose", (70, 99)),
    Channel("HCO3", "mmol/L", 1, 60, "Bicarbonate", (23, 28)),
    Channel("HCT", "%", 5, 75, "Haematocrit", (37, 50)),
    Channel("HR", "bpm", 10, 300, "Heart rate"),
    Channel("K", "mmol/L", 1, 15, "Potassium", (3.5, 5.0)),
    Channel("Lactate", "mmol/L", 0.1, 40, "Lactate"),
    Channel("MAP", "mmHg", 10, 300, "Mean pressure (arterial line)"),
    Channel("MechVent", "0/1", 0, 1, "Mechanical ventilation", flag=True),
    Channel("Mg", "mg/dL", 0.2, 15, "Magnesium", (1.6, 2.6)),
    Channel("NIDiasABP", "mmHg", 5, 250, "Diastolic pressure (cuff)"),
    Channel("NIMAP", "mmHg", 10, 300, "Mean pressure (cuff)"),
    Channel("NISysABP", "mmHg", 20, 350, "Systolic pressure (cuff)"),
    Channel("Na", "mmol/L", 90, 200, "Sodium", (136, 145)),
    Channel("PaCO2", "mmHg", 5, 200, "Arterial CO2 pressure", (38, 42)),
    Channel("PaO2", "mmHg", 15, 700, "Arterial O2 pressure", (75, 100)),
    Channel("Platelets", "10^9/L", 1, 3000, "Platelets", (150, 450)),
    Channel("RespRate", "breaths/min", 1, 100, "Respiration rate"),
    Channel("SaO2", "%", 20, 100, "Arterial O2 saturation", (95, 100)),
    Channel("SysABP", "mmHg", 20, 350, "Systolic pressure (arterial line)"),
    Channel("Temp", "degC", 25, 45, "Temperature"),
    Channel("TroponinI", "ug/L", 0, 1000, "Troponin I"),
    Channel("TroponinT", "ug/L", 0, 100, "Troponin T"),
    Channel("Urine", "mL", 0, 12000, "Urine output"),
    Channel("WBC", "10^9/L", 0.02, 1000, "White cells", (4, 11)),
    Channel("Weight", "kg", 20, 400, "Weight"),
    Channel("pH", "pH", 6.5, 8, "Arterial pH", (7.38, 7.44)),
)

ADMISSION: Mapping[str, Channel] = _table(
    Channel("Age", "years", 15, 120, "Age"),
    Channel("Gender", "0 female, 1 male", 0, 1, "Sex", flag=True),
    Channel("Height", "cm", 100, 250, "Height"),
    Channel("ICUType", "1 coronary, 2 cardiac surgery, 3 medical, 4 surgical", 1, 4, "ICU type"),
    Channel("Weight", "kg", 20, 400, "Weight on admission"),
)

# The challenge's own page says TropI and TropT, its files TroponinI and TroponinT.
ALIASES: Mapping[str, str] = MappingProxyType({"TropI": "TroponinI", "TropT": "TroponinT"})

# Volumes: entries at one time are separate outputs and add up.
VOLUMES = frozenset({"Urine"})

# Codes, not measurements: only these values mean anything.
CODES: Mapping[str, frozenset[float]] = MappingProxyType(
    {"Gender": frozenset({0.0, 1.0}), "ICUType": frozenset({1.0, 2.0, 3.0, 4.0}), "MechVent": frozenset({0.0, 1.0})}
)
