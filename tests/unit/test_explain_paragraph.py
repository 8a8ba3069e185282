"""Every sentence says what its numbers say; no number is written that was not passed in."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.types import Channel, InputError, Record, RecordMeta
from explain.narrative import percent, three_digits
from explain.paragraph import Claim, Facts, Input, InputSplit, course_of, facts_of, paragraph, written
from explain.shapley import coalition_values
from tests import toys

TITLES = {"labs": "Labs", "bp": "Blood pressure", "ecg": "ECG"}
COURSE = (4.0, 12.4)
SPLIT = InputSplit("integrated gradients", (Input("lactate", 0.9), Input("urea", -0.2)), 0.01, 0.05)
FULL = Facts(
    risk=0.34,
    base_rate=0.14,
    contributions={"labs": 1.2, "bp": -0.4, "ecg": 0.0},
    titles=TITLES,
    missing=("ecg",),
    without={"labs": 0.12, "bp": 0.41},
    networks=(0.30, 0.37, 5),
    similar=(400, 130, 0.28, 0.37),
    undecided=0.1,
    split=SPLIT,
    disagreeing=("Labs",),
    warnings=2,
    trained_on=True,
)


def parts(claims: tuple[Claim, ...], part: str) -> list[str]:
    return [claim.text for claim in claims if claim.part == part]


def test_the_whole_paragraph() -> None:
    claims = paragraph(FULL)
    assert parts(claims, "estimate") == [
        "Estimated risk 34 % (average in training 14 %): labs pushed it up, blood pressure held it down; nothing was "
        "recorded for ECG."
    ]
    assert parts(claims, "drivers") == [
        "Without labs the estimate would be 12 %.",
        "Among single inputs, integrated gradients finds that most moved it: raised by lactate; lowered by urea.",
    ]
    assert parts(claims, "certainty") == [
        "The model's 5 networks agree closely: their own estimates run from 30 % to 37 %.",
        "Of 400 training records with a similar estimate 130 had the outcome (33 %; 95 % interval 28 % to 37 %).",
    ]
    assert len(parts(claims, "doubt")) == 5
    assert "Only 2 of 3 modalities were recorded: the estimate rests on little." in parts(claims, "doubt")
    assert not any("ECG" in name for claim in claims for name in claim.numbers), "missing is not a zero"
    assert written(claims).count("  ") == 0


def test_only_what_is_known_is_said() -> None:
    assert len(paragraph(Facts(0.34, 0.14, {"labs": 1.0}, TITLES))) == 1


def test_what_raised_the_estimate_is_not_said_to_have_risen_and_a_course_stands_in_its_own_values() -> None:
    inputs = (Input("Lactate", 0.9, COURSE, "mmol/L"), Input("Creatinine", -0.3, (1.1, 2.2), "mg/dL"))
    (_, claim) = (c for c in paragraph(replace(FULL, split=replace(SPLIT, inputs=inputs))) if c.part == "drivers")
    assert claim.text.endswith("raised by lactate (4 to 12.4 mmol/L); lowered by creatinine (1.1 to 2.2 mg/dL).")
    assert claim.numbers["last value of Creatinine, mg/dL"] == 2.2
    assert claim.numbers["integrated gradients Creatinine"] == -0.3
    platelets = (Input("Platelets", -0.3, (88.0, 1204.4), "10⁹/L"),)
    assert "platelets (88 to 1204 10⁹/L)" in written(paragraph(replace(FULL, split=replace(SPLIT, inputs=platelets))))


def stay(values: list[float], channel: Channel) -> Record:
    """One charted variable, NaN where nothing was measured."""
    column = np.array(values, np.float32)[:, None]
    there = ~np.isnan(column)
    hours, meta = np.arange(float(len(values))), RecordMeta("made up")
    return Record("a", "a", {"labs": (channel,)}, {"labs": column}, {"labs": there}, {"labs": hours}, {}, meta)


@pytest.mark.parametrize(
    ("channel", "values", "course"),
    [
        (Channel("Creatinine", "mg/dL", 0, 25, normal=(0.6, 1.2)), [math.nan, 1.0, math.nan, 1.5], (1.0, 1.5)),
        (Channel("Creatinine", "mg/dL", 0, 25, normal=(0.6, 1.2)), [1.0, 3.0, 1.25], None),
        (Channel("Lactate", "mmol/L", 0, 30), [4.0, 3.0], (4.0, 3.0)),
        (Channel("Lactate", "mmol/L", 0, 30), [4.0, 3.5], None),
        (Channel("Lactate", "mmol/L", 0, 30), [math.nan, 4.0], None),
        (Channel("MechVent", "0/1", 0, 1, flag=True), [0.0, 1.0], None),
    ],
)
def test_a_course_is_told_where_first_and_last_value_clearly_differ(
    channel: Channel, values: list[float], course: tuple[float, float] | None
) -> None:
    assert course_of(stay(values, channel), "labs", 0) == course


def test_a_signal_that_can_hardly_be_used_is_doubted_with_its_share_and_what_spoils_it() -> None:
    usable = {"ecg": (0.56, ("noisy", "clipped")), "bp": (1.0, ()), "labs": (0.0, ("clipped",))}
    facts = replace(FULL, missing=(), seen_s=16.0, usable=usable)
    (claim,) = (c for c in paragraph(facts) if "can be used" in c.text)
    assert claim.part == "doubt"
    assert claim.text == (
        "Of the 16 s the model saw, ECG can be used in 56 % (noisy, clipped) and labs in none (clipped); a rhythm "
        "without beats can look the same."
    )
    assert claim.numbers == {"seconds seen": 16.0, "usable ECG": 0.56, "usable Labs": 0.0}
    clipped = replace(facts, usable={"ecg": (0.9, ("clipped",))})
    assert "Of the 16 s the model saw, ECG can be used in 90 % (clipped)." in written(paragraph(clipped))
    assert "can be used" not in written(paragraph(replace(facts, usable={"ecg": (0.96, ("noisy",))})))


def test_a_method_that_does_not_add_up_names_no_input() -> None:
    claims = paragraph(replace(FULL, split=replace(SPLIT, gap=0.12)))
    assert "lactate" not in written(claims)
    assert "it misses the change by 12 %" in written(claims)
    absolute = paragraph(replace(FULL, split=replace(SPLIT, gap=0.12, gap_is_relative=False)))
    assert "by 0.12 log-odds" in written(absolute)


def test_a_method_that_failed_the_sanity_check_names_no_input() -> None:
    said = written(paragraph(replace(FULL, split=replace(SPLIT, sane=False))))
    assert "lactate" not in said
    assert "hardly depends on what the model learned" in said


def test_networks_far_apart_differ_widely_and_equal_ones_say_one_number() -> None:
    assert "differ widely" in written(paragraph(replace(FULL, networks=(0.2, 0.45, 5))))
    assert "differ widely" in written(paragraph(replace(FULL, networks=(0.02, 0.11, 5)))), "odds, not points"
    assert "agree closely" in written(paragraph(replace(FULL, networks=(0.80, 0.86, 5))))
    assert "All 5 networks of the model say 34 %." in written(paragraph(replace(FULL, networks=(0.341, 0.343, 5))))


def test_a_refused_set_of_outcomes_is_said_instead_of_both() -> None:
    said = written(paragraph(replace(FULL, refused=0.1)))
    assert "at an error rate of 10 % is not answered" in said
    assert "neither outcome" not in said


def test_nobody_with_the_outcome_is_nought_not_under_one() -> None:
    assert "0 had the outcome (0 %;" in written(paragraph(replace(FULL, similar=(300, 0, 0.0, 0.012))))


def test_a_change_too_small_to_see_is_not_said() -> None:
    assert "Without" not in written(paragraph(replace(FULL, without={"labs": 0.345, "bp": 0.338})))


def test_nothing_recorded_says_no_driver() -> None:
    claims = paragraph(
        Facts(
            0.14,
            0.14,
            {"labs": 0.0},
            TITLES,
            missing=("labs",),
            without={"labs": 0.14},
            split=replace(SPLIT, inputs=()),
        )
    )
    assert parts(claims, "drivers") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"networks": (0.1, 1.2, 5)},
        {"similar": (10, 11, 0.1, 0.2)},
        {"similar": (0, 0, 0.1, 0.2)},
        {"undecided": -0.1},
        {"without": {"labs": float("nan")}},
        {"split": replace(SPLIT, inputs=(Input("lactate", float("nan")),))},
        {"split": replace(SPLIT, gap=float("nan"))},
        {"split": replace(SPLIT, inputs=(Input("lactate", 0.1, (1.0, float("inf"))),))},
        {"usable": {"ecg": (1.2, ())}},
    ],
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        paragraph(replace(FULL, **wrong))


PROBABILITY = st.floats(0.0, 1.0)


@given(
    risk=PROBABILITY, base=PROBABILITY, without=PROBABILITY, ends=st.tuples(PROBABILITY, PROBABILITY),
    shares=st.tuples(st.integers(1, 900), st.floats(0, 1)), gap=st.floats(0, 3), warnings=st.integers(0, 9),
    labs=st.floats(-5, 5), bp=st.floats(-5, 5), usable=PROBABILITY, seconds=st.floats(1, 300),
    course=st.tuples(st.floats(0, 5000), st.floats(0, 5000)),
)  # fmt: skip
def test_every_written_number_is_one_of_the_claims_own(
    risk: float, base: float, without: float, ends: tuple[float, float], shares: tuple[int, float], gap: float,
    warnings: int, labs: float, bp: float, usable: float, seconds: float, course: tuple[float, float],
) -> None:  # fmt: skip
    count, share = shares
    facts = replace(
        FULL, risk=risk, base_rate=base, contributions={"labs": labs, "bp": bp, "ecg": 0.0}, without={"labs": without},
        networks=(min(ends), max(ends), 5), similar=(count, round(count * share), min(ends), max(ends)),
        split=replace(SPLIT, gap=gap, inputs=(Input("lactate", 0.9, course, "mmol/L"), Input("urea", -0.2))),
        warnings=warnings, seen_s=seconds, usable={"bp": (usable, ("noisy",))},
    )  # fmt: skip
    for claim in paragraph(facts):
        allowed = set()
        for value in claim.numbers.values():
            if 0 <= value <= 1 or claim.text.endswith("%)."):
                allowed |= set(re.findall(r"[\d.]+", percent(value)))
            allowed |= {f"{value:.0f}", f"{value:.2f}", three_digits(value)}
        written_numbers = re.findall(r"\d+(?:\.\d+)?(?:e[-+]\d+)?", claim.text)
        assert set(written_numbers) <= allowed, claim


def test_facts_of_a_game_are_its_own_numbers() -> None:
    model = toys.Toy(toys.synergy)
    game = coalition_values(model, toys.batch({"a": [[[1.0]]], "b": [[[1.0]]]}))
    facts = facts_of(game, None, {"a": "A", "b": "B"}, 0.5, "risk", warnings=1)
    assert facts.contributions == pytest.approx({"a": 4.0, "b": 5.0})
    assert facts.risk == pytest.approx(1 / (1 + math.exp(-9)))
    assert facts.without == pytest.approx({"a": 1 / (1 + math.exp(-3)), "b": 1 / (1 + math.exp(-2))})
    assert facts.missing == ()
    assert facts.warnings == 1
