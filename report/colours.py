"""The colours that screens and documents share. Imports nothing.

Modality colours: Okabe M, Ito K (2008), "Color universal design", with grey in place of black, which does not show on
dark. The colours of IEC 60601-1-8 alarms are not used for attributions.
"""

from __future__ import annotations

_GREEN, _VERMILLION, _SKY, _ORANGE = "#009E73", "#D55E00", "#56B4E9", "#E69F00"
_PURPLE, _BLUE, _YELLOW, _GREY = "#CC79A7", "#0072B2", "#F0E442", "#999999"

OKABE_ITO: dict[str, str] = {
    "heart_rate": _GREEN,
    "blood_pressure": _VERMILLION,
    "oxygenation": _SKY,
    "respiration": _ORANGE,
    "labs": _PURPLE,
    "neuro_temperature": _BLUE,
    "urine": _YELLOW,
    "demographics": _GREY,
    "ecg": _GREEN,
    "abp": _VERMILLION,
    "ppg": _SKY,
    "resp": _ORANGE,
    "alarm": _GREY,
}
WHEEL = (_BLUE, _ORANGE, _GREEN, _PURPLE, _SKY, _VERMILLION, _YELLOW, _GREY)

# Blue lowers, brown-orange raises, in light and in dark.
NEGATIVE = {False: "#1F5FA8", True: "#74ACE8"}
POSITIVE = {False: "#A8480A", True: "#F0914A"}

PAPER, PAPER_MINOR, PAPER_MAJOR, TRACE = "#FFF4F4", "#FFC0C0", "#E0A0A0", "#000000"
TEXT = {False: "#1B1F24", True: "#E8EAED"}
MUTED = {False: "#57606A", True: "#A9B1BC"}
GRID = {False: "#E3E6EA", True: "#2C333D"}


def modality_colour(name: str) -> str:
    """The fixed colour of a modality; an unknown name gets one of the eight by its letters, always the same one."""
    return OKABE_ITO.get(name) or WHEEL[sum(name.encode()) % len(WHEEL)]
