"""The sentence says what the numbers say, and nothing else."""

from __future__ import annotations

import math

import pytest

from amfn.types import InputError
from explain.narrative import mid_sentence, one_sentence, percent

TITLES = {
    "labs": "Labs",
    "bp": "Blood pressure",
    "urine": "Urine output",
    "oxy": "Oxygenation",
    "ecg": "ECG",
    "spo2": "SpO2",
}


def said(contributions: dict[str, float], missing: tuple[str, ...] = (), risk: float = 0.34) -> str:
    return one_sentence(risk, 0.14, contributions, TITLES, missing)


def test_both_directions_and_one_missing() -> None:
    assert said({"urine": -0.5, "bp": 0.6, "labs": 1.2, "oxy": 0.0}, missing=("oxy",)) == (
        "Estimated risk 34 % (average in training 14 %): labs and blood pressure pushed it up, "
        "urine output held it down; nothing was recorded for oxygenation."
    )


def test_one_direction_only() -> None:
    assert said({"labs": -1.0, "bp": -0.5}).endswith(": labs and blood pressure held it down.")
    assert said({"labs": 1.0}).endswith(": labs pushed it up.")


def test_a_tenth_of_the_total_is_the_threshold() -> None:
    assert said({"labs": 0.9, "bp": 0.1}).endswith(": labs and blood pressure pushed it up.")
    assert said({"labs": 0.91, "bp": 0.09}).endswith(": labs pushed it up.")


def test_at_most_three_are_named_each_way() -> None:
    text = said({"labs": 5.0, "bp": 4.0, "urine": 3.0, "oxy": 2.0, "ecg": -2.0})
    assert text.endswith(": labs, blood pressure and urine output pushed it up, ECG held it down.")


def test_ties_do_not_depend_on_order_or_last_bits() -> None:
    expected = ": blood pressure and labs pushed it up."
    assert said({"labs": 0.3, "bp": 0.3}).endswith(expected)
    assert said({"bp": 0.3, "labs": 0.1 + 0.2}).endswith(expected)


def test_no_drivers() -> None:
    assert said({"labs": 0.004, "bp": -0.004}).endswith(": no measurement moved it noticeably.")
    many = {f"m{i:02}": 1.0 for i in range(11)}
    text = one_sentence(0.5, 0.5, many, {name: name for name in many}, ())
    assert text.endswith(": no single measurement stood out.")


def test_nothing_recorded() -> None:
    text = said({"labs": 0.0, "bp": 0.0}, missing=("labs", "bp"), risk=0.14)
    assert text == (
        "Estimated risk 14 % (average in training 14 %): nothing was recorded, so no measurement stands behind it."
    )


def test_noun_and_capitals() -> None:
    text = one_sentence(0.995, 0.002, {"ecg": 1.0, "spo2": 0.5}, TITLES, (), noun="probability of a true alarm")
    assert text == (
        "Estimated probability of a true alarm over 99 % (average in training under 1 %): ECG and SpO2 pushed it up."
    )


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "under 1 %"),
        (0.0099, "under 1 %"),
        (0.01, "1 %"),
        (0.125, "13 %"),
        (0.985, "99 %"),
        (0.99, "99 %"),
        (0.9901, "over 99 %"),
        (1.0, "over 99 %"),
    ],
)
def test_percent(probability: float, text: str) -> None:
    assert percent(probability) == text


def test_contradictions_are_refused() -> None:
    with pytest.raises(InputError, match="not a logit"):
        said({"labs": 1.0}, risk=1.2)
    with pytest.raises(InputError, match="not a logit"):
        said({"labs": 1.0}, risk=math.nan)
    with pytest.raises(InputError, match="finite"):
        said({"labs": math.nan})
    with pytest.raises(InputError, match="missing and contributes"):
        said({"labs": 1.0, "oxy": 0.2}, missing=("oxy",))
    with pytest.raises(InputError, match="none for gas"):
        said({"gas": 1.0})


@pytest.mark.parametrize(
    ("title", "within"),
    [
        ("Urine output", "urine output"),
        ("ECG lead 1", "ECG lead 1"),
        ("Glasgow Coma Scale", "Glasgow Coma Scale"),
        ("Arterial O2 pressure", "arterial O2 pressure"),
        ("Medical ICU", "medical ICU"),
        ("Troponin I", "troponin I"),
        ("", ""),
    ],
)
def test_a_title_within_a_sentence_keeps_the_capitals_of_names(title: str, within: str) -> None:
    assert mid_sentence(title) == within
