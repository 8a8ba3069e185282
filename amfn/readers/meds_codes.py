"""Which MEDS codes of MIMIC-IV stand for which charted variable: one table, with unit, conversion and source.

MIMIC-IV in MEDS writes a measurement as `LAB//ITEMID//UNIT` (ICU chart and laboratory alike; newer conversions say
`LAB//RESULT//ITEMID//UNIT` for the laboratory) and an output as `SUBJECT_FLUID_OUTPUT//ITEMID//UNIT`. Item numbers and
labels are those of MIMIC-IV's tables d_items (220000 to 230000) and d_labitems (50000 to 54000). One quantity is taken
from one place: the ICU chart repeats laboratory results at the same time with the same value, and these copies are in
`LEFT_OUT` with what else might be expected here and is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

CONCEPTS = "MIT-LCP/mimic-code, mimic-iv/concepts"
DICTIONARY = "MIMIC-IV d_items and d_labitems"
UNSTATED = "UNK"
"""What stands for the unit where the source table states none."""

Conversion = Callable[[float], float]


def same(value: float) -> float:
    return value


def from_fahrenheit(value: float) -> float:
    return (value - 32) / 1.8


def from_percent(value: float) -> float:
    """FiO2 is charted in percent, and now and then as the fraction itself: at most 1 it is one already."""
    return value / 100 if value > 1 else value


def from_inches(value: float) -> float:
    return value * 2.54


def from_pounds(value: float) -> float:
    return value * 0.45359237


CONVERSIONS: Mapping[Conversion, str] = MappingProxyType(
    {
        same: "none",
        from_fahrenheit: "°F to °C",
        from_percent: "% to fraction; a value up to 1 is a fraction already",
        from_inches: "inches to cm",
        from_pounds: "pounds to kg",
    }
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of MIMIC-IV. channel: the variable it feeds. units: those it may be stated in, lower case; a value in
    another unit is dropped. convert brings it to the channel's unit."""

    itemid: int
    label: str
    channel: str
    units: frozenset[str]
    convert: Conversion
    source: str

    @property
    def modality(self) -> str:
        return "admission" if self.itemid in ADMITTED else "chart"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that one might expect to be read and that is not, with the reason."""

    itemid: int
    label: str
    reason: str


def _items(
    channel: str, units: str, *items: tuple[int, str], source: str, convert: Conversion = same
) -> tuple[Item, ...]:
    """units: separated by |."""
    known = frozenset(unit.lower() for unit in units.split("|"))
    return tuple(Item(itemid, label, channel, known, convert, source) for itemid, label in items)


_VITAL = f"{CONCEPTS}/measurement/vitalsign.sql"
_CHEMISTRY = f"{CONCEPTS}/measurement/chemistry.sql"
_COUNT = f"{CONCEPTS}/measurement/complete_blood_count.sql"
_ENZYME = f"{CONCEPTS}/measurement/enzyme.sql"
_GAS = f"{CONCEPTS}/measurement/bg.sql"
_CARDIAC = f"{CONCEPTS}/measurement/cardiac_marker.sql"
_VENTILATOR = f"{CONCEPTS}/measurement/ventilator_setting.sql"
_URINE = f"{CONCEPTS}/measurement/urine_output.sql"
_WEIGHT = f"{CONCEPTS}/demographics/weight_durations.sql"
_HEIGHT = f"{CONCEPTS}/measurement/height.sql"

# mEq/L of an ion with one charge is mmol/L; K/uL is 10^9/L; ng/mL is ug/L.
_MEASURED: tuple[Item, ...] = (
    *_items("HR", "bpm", (220045, "Heart Rate"), source=_VITAL),
    *_items("RespRate", "insp/min", (220210, "Respiratory Rate"), source=_VITAL),
    *_items(
        "SysABP", "mmHg",
        (220050, "Arterial Blood Pressure systolic"), (225309, "ART BP Systolic"), source=_VITAL,
    ),
    *_items(
        "DiasABP", "mmHg",
        (220051, "Arterial Blood Pressure diastolic"), (225310, "ART BP Diastolic"), source=_VITAL,
    ),
    *_items("MAP", "mmHg", (220052, "Arterial Blood Pressure mean"), (225312, "ART BP Mean"), source=_VITAL),
    *_items("NISysABP", "mmHg", (220179, "Non Invasive Blood Pressure systolic"), source=_VITAL),
    *_items("NIDiasABP", "mmHg", (220180, "Non Invasive Blood Pressure diastolic"), source=_VITAL),
    *_items("NIMAP", "mmHg", (220181, "Non Invasive Blood Pressure mean"), source=_VITAL),
    *_items("Temp", "°F", (223761, "Temperature Fahrenheit"), source=_VITAL, convert=from_fahrenheit),
    *_items("Temp", "°C", (223762, "Temperature Celsius"), source=_VITAL),
    *_items("SaO2", "%", (220227, "Arterial O2 Saturation"), source=DICTIONARY),
    *_items("PaO2", "mmHg", (220224, "Arterial O2 pressure"), source=DICTIONARY),
    *_items("PaCO2", "mmHg", (220235, "Arterial CO2 Pressure"), source=DICTIONARY),
    *_items("pH", "units", (223830, "PH (Arterial)"), source=DICTIONARY),
    *_items("FiO2", "%", (223835, "Inspired O2 Fraction (FiO2)"), source=_GAS, convert=from_percent),
    *_items("FiO2", "%", (50816, "Oxygen"), source=_GAS, convert=from_percent),
    *_items("ALP", "IU/L", (50863, "Alkaline Phosphatase"), source=_ENZYME),
    *_items("ALT", "IU/L", (50861, "Alanine Aminotransferase (ALT)"), source=_ENZYME),
    *_items("AST", "IU/L", (50878, "Asparate Aminotransferase (AST)"), source=_ENZYME),
    *_items("Bilirubin", "mg/dL", (50885, "Bilirubin, Total"), source=_ENZYME),
    *_items("Albumin", "g/dL", (50862, "Albumin"), source=_CHEMISTRY),
    *_items("BUN", "mg/dL", (51006, "Urea Nitrogen"), source=_CHEMISTRY),
    *_items("Creatinine", "mg/dL", (50912, "Creatinine"), source=_CHEMISTRY),
    *_items("HCO3", "mEq/L|mmol/L", (50882, "Bicarbonate"), source=_CHEMISTRY),
    *_items("Glucose", "mg/dL", (50931, "Glucose"), source=_CHEMISTRY),
    *_items("Glucose", "mg/dL", (50809, "Glucose (blood gas)"), source=_GAS),
    *_items("Na", "mEq/L|mmol/L", (50983, "Sodium"), source=_CHEMISTRY),
    *_items("Na", "mEq/L|mmol/L", (50824, "Sodium, Whole Blood"), source=_GAS),
    *_items("K", "mEq/L|mmol/L", (50971, "Potassium"), source=_CHEMISTRY),
    *_items("K", "mEq/L|mmol/L", (50822, "Potassium, Whole Blood"), source=_GAS),
    *_items("Lactate", "mmol/L", (50813, "Lactate"), source=_GAS),
    *_items("HCT", "%", (51221, "Hematocrit"), source=_COUNT),
    *_items("HCT", "%", (50810, "Hematocrit, Calculated"), source=_GAS),
    *_items("Platelets", "K/uL", (51265, "Platelet Count"), source=_COUNT),
    *_items("WBC", "K/uL", (51301, "White Blood Cells"), source=_COUNT),
    *_items("WBC", "K/uL", (51300, "WBC Count"), source=DICTIONARY),
    *_items("Mg", "mg/dL", (50960, "Magnesium"), source=DICTIONARY),
    *_items("Cholesterol", "mg/dL", (50907, "Cholesterol, Total"), source=DICTIONARY),
    *_items("TroponinI", "ng/mL", (51002, "Troponin I"), source=DICTIONARY),
    *_items("TroponinT", "ng/mL", (51003, "Troponin T"), source=_CARDIAC),
    *_items("Weight", "kg", (224639, "Daily Weight"), source=_WEIGHT),
    *_items(
        "Urine", "mL",
        (226559, "Foley"), (226560, "Void"), (226561, "Condom Cath"), (226584, "Ileoconduit"), (226563, "Suprapubic"),
        (226564, "R Nephrostomy"), (226565, "L Nephrostomy"), (226567, "Straight Cath"), (226557, "R Ureteral Stent"),
        (226558, "L Ureteral Stent"), source=_URINE,
    ),
)  # fmt: skip

# A ventilator's settings and volumes are charted while one breathes for the patient, and only then: their times are
# the times at which MechVent was seen to be 1. A setting of 0 says nothing.
_VENTILATION: tuple[Item, ...] = (
    *_items("MechVent", "cmH2O", (220339, "PEEP set"), source=_VENTILATOR),
    *_items("MechVent", "mL", (224684, "Tidal Volume (set)"), (224685, "Tidal Volume (observed)"), source=_VENTILATOR),
    *_items("MechVent", "L/min", (224687, "Minute Volume"), source=_VENTILATOR),
    *_items("MechVent", "insp/min", (224688, "Respiratory Rate (Set)"), source=_VENTILATOR),
)

# The Glasgow Coma Scale is charted as its three parts; their sum at one time is the score.
_COMA: tuple[Item, ...] = _items(
    "GCS", "points", (220739, "GCS - Eye Opening"), (223900, "GCS - Verbal Response"),
    (223901, "GCS - Motor Response"), source=f"{CONCEPTS}/measurement/gcs.sql",
)  # fmt: skip
COMA_PARTS: Mapping[int, tuple[float, float]] = MappingProxyType(
    {220739: (1.0, 4.0), 223900: (1.0, 5.0), 223901: (1.0, 6.0)}
)

ITEMS: Mapping[int, Item] = MappingProxyType({item.itemid: item for item in (*_MEASURED, *_VENTILATION, *_COMA)})
"""What feeds the charted variables, by item."""

ADMITTED: Mapping[int, Item] = MappingProxyType(
    {
        item.itemid: item
        for item in (
            *_items("Weight", "kg", (226512, "Admission Weight (Kg)"), source=_WEIGHT),
            *_items("Weight", "lbs", (226531, "Admission Weight (lbs.)"), source=_WEIGHT, convert=from_pounds),
            *_items("Height", "cm", (226730, "Height (cm)"), source=_HEIGHT),
            *_items("Height", "inch", (226707, "Height"), source=_HEIGHT, convert=from_inches),
        )
    }
)
"""What feeds the admission row, by item, the preferred one of a channel first."""

_COPY = "the ICU chart's copy of a laboratory result, same time and value: the laboratory's is read"
_SPECIMEN = "arterial or venous is not in the code: the ICU chart's arterial item is read"


def _left_out(reason: str, *items: tuple[int, str]) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(itemid, label, reason) for itemid, label in items)


LEFT_OUT: Mapping[int, LeftOut] = MappingProxyType(
    {
        item.itemid: item
        for item in (
            *_left_out(
                _COPY,
                (220545, "Hematocrit (serum)"), (220546, "WBC"), (220587, "AST"), (220603, "Cholesterol"),
                (220615, "Creatinine (serum)"), (220621, "Glucose (serum)"), (220635, "Magnesium"), (220644, "ALT"),
                (220645, "Sodium (serum)"), (225612, "Alkaline Phosphate"), (225624, "BUN"), (225668, "Lactic Acid"),
                (225690, "Total Bilirubin"), (226534, "Sodium (whole blood)"), (226537, "Glucose (whole blood)"),
                (226540, "Hematocrit (whole blood - calc)"), (227442, "Potassium (serum)"),
                (227443, "HCO3 (serum)"), (227456, "Albumin"), (227457, "Platelet Count"),
                (227464, "Potassium (whole blood)"),
            ),
            *_left_out(
                "the ICU chart's copy, in which a result below 0.01 stands as 0.01: the laboratory's is read",
                (227429, "Troponin-T"),
            ),
            *_left_out(_SPECIMEN, (50817, "Oxygen Saturation"), (50818, "pCO2"), (50820, "pH"), (50821, "pO2")),
            *_left_out(
                "venous, and the variables are arterial",
                (220274, "PH (Venous)"), (226062, "Venous CO2 Pressure"), (226063, "Venous O2 Pressure"),
            ),
            *_left_out("a pulse oximeter's reading, not SaO2", (220277, "O2 saturation pulseoxymetry")),
            *_left_out("from a finger stick; the variable is serum glucose", (225664, "Glucose finger stick")),
            *_left_out(
                "breaths as the ventilator counts them: the monitor's rate is read",
                (224422, "Spont RR"), (224689, "Respiratory Rate (spontaneous)"), (224690, "Respiratory Rate (Total)"),
            ),
            *_left_out("carbon dioxide of all kinds, not bicarbonate", (50804, "Calculated Total CO2")),
            *_left_out(
                "rinsing fluid in it", (227488, "GU Irrigant Volume In"), (227489, "GU Irrigant/Urine Volume Out")
            ),
            *_left_out("passed before the stay began", (226627, "OR Urine"), (226631, "PACU Urine")),
        )
    }
)  # fmt: skip

# Careunits of MIMIC-IV -> ICU types of the challenge. Mixed and step-down units have no counterpart and stay unknown.
ICU_TYPES: Mapping[str, float] = MappingProxyType(
    {
        "Coronary Care Unit (CCU)": 1.0,
        "Cardiac Vascular Intensive Care Unit (CVICU)": 2.0,
        "Medical Intensive Care Unit (MICU)": 3.0,
        "Surgical Intensive Care Unit (SICU)": 4.0,
        "Trauma SICU (TSICU)": 4.0,
        "Neuro Surgical Intensive Care Unit (Neuro SICU)": 4.0,
    }
)


def item_of(code: str) -> tuple[int, str] | None:
    """The item and the unit that a measurement's code names; None for a code of another kind."""
    parts = code.split("//")
    if parts[:2] == ["LAB", "RESULT"]:
        parts = ["LAB", *parts[2:]]
    if parts[0] not in {"LAB", "SUBJECT_FLUID_OUTPUT"} or len(parts) < 2 or not parts[1].isdecimal():
        return None
    return int(parts[1]), parts[2] if len(parts) > 2 else UNSTATED
