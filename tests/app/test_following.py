"""One modality followed through the fusion: its sentence, its place among the others, ties, what a model lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app import following
from app.views import Analysis
from tests.app.screen import ids, sample

TASKS = ("icu_mortality", "icu_alarm")
NAMES, TITLES = ("ecg", "abp", "ppg", "resp"), ("ECG", "Pressure", "PPG", "Respiration")
ALPHA = np.array([[0.3, 0.25, 0.41, 0.04], [0.2, 0.5, 0.3, 0], [0.4, 0.4, 0.2, 0], [0, 0, 0, 0]])


def toy(parts: dict[str, np.ndarray], present: tuple[bool, ...] = (True, True, True, True)) -> Analysis:
    """Parts of the full record f[M] or f[M, M], the other fields from a sample record."""
    here = np.array(present)
    return replace(
        sample("icu_alarm", ids("icu_alarm")[0]).analysis,
        names=NAMES,
        titles=TITLES,
        present=here,
        masks=here[None],
        logits=np.array([0.3]),
        risks=np.array([0.57]),
        parts={name: values[None] if name != "bias" else values for name, values in parts.items()},
        shapley=np.array([0.5, -0.9, 0.1, 0.0]),
    )


FULL = {
    "adjacency": np.array([[0.4, 0.1, 0.3, 0.2], [0.1, 0.5, 0.2, 0.2], [0.5, 0.2, 0.2, 0.1], [0.2, 0.2, 0.1, 0.5]]),
    "gates": np.array([0.63, 0.9, 0.628, 0.1]),
    "weights": np.array([0.38, 0.3, 0.22, 0.1]),
    "node_logits": np.array([0.8, -0.2, 0.1, 0.0]),
    "bias": np.zeros(1),
}


def test_the_sentence_of_one_modality_by_known_numbers() -> None:
    found = following.followed(toy(FULL), ALPHA, "ecg")
    assert following.sentence("ECG", found) == (
        "ECG: takes 41 % of its attention from PPG, 30 % from itself, most like PPG (similarity share 40 %), "
        "gate 0.63 (shared second of 4), weight 38 % (first of 4), adds +0.80 to the log-odds, Shapley value +0.50."
    )


def test_what_is_missing_neither_counts_nor_is_named() -> None:
    analysis = toy(FULL, (True, True, False, False))
    found = following.followed(analysis, ALPHA, "ecg")
    assert found["attention"] == "takes 25 % of its attention from Pressure, 30 % from itself"
    assert found["weights"] == "weight 38 % (first of 2)"
    assert following.choices(analysis) == {"ecg": "ECG", "abp": "Pressure"}
    said = " ".join([*found.values(), *following.leaders(analysis, ALPHA).values()])
    assert "PPG" not in said
    assert "Respiration" not in said


def test_one_modality_alone_takes_from_itself_and_is_like_nobody() -> None:
    found = following.followed(toy(FULL, (True, False, False, False)), np.eye(4), "ecg")
    assert found["attention"] == "takes 100 % from itself"
    assert "graph" not in found
    assert "graph" not in following.leaders(toy(FULL, (True, False, False, False)), np.eye(4))


def test_ties_are_said_and_not_broken_by_what_is_not_printed() -> None:
    even = {"adjacency": np.full((4, 4), 0.25), "weights": np.array([0.2501, 0.2499, 0.25, 0.25])}
    found = following.followed(toy(even), np.full((4, 4), 0.25), "abp")
    assert found["attention"] == "takes 25 % each from 3 modalities, 25 % from itself"
    assert found["graph"] == "equally like all others (similarity share 25 % each)"
    assert found["weights"] == "weight 25 % (shared first of 4)"
    first = following.leaders(toy(even), np.full((4, 4), 0.25))
    assert first["weights"] == "largest: 4 modalities (25 % each)"
    assert first["graph"] == "most alike: 6 pairs (25 % each)"


def test_who_comes_first_in_each_step() -> None:
    first = following.leaders(toy(FULL), ALPHA)
    assert first == {
        "attention": "most is taken from Pressure (29 %)",
        "graph": "most alike: ECG with PPG (40 %)",
        "gates": "widest: Pressure (0.90)",
        "weights": "largest: ECG (38 %)",
        "split": "largest part: ECG (+0.80)",
        "shapley": "moved it most: Pressure (\N{MINUS SIGN}0.90)",
    }
    assert list(first) == list(following.STEPS)


def test_what_a_model_lacks_is_left_out() -> None:
    found = following.followed(toy({"weights": FULL["weights"]}), None, "ecg")
    assert list(found) == ["weights", "shapley"]
    assert list(following.leaders(toy({}), None)) == ["shapley"]


def test_nothing_recorded_says_nothing() -> None:
    assert following.leaders(toy(FULL, (False,) * 4), ALPHA) == {}
    assert following.choices(toy(FULL, (False,) * 4)) == {}


@pytest.mark.parametrize("task", TASKS)
def test_real_numbers_are_those_of_the_charts(task: str) -> None:
    case = sample(task, ids(task)[0])
    analysis = case.analysis
    for name in following.choices(analysis):
        k = analysis.names.index(name)
        found = following.followed(analysis, analysis.full.attention_of(None, None), name)
        assert list(found) == list(following.STEPS)
        assert analysis.full.weights is not None
        assert analysis.full.gates is not None
        assert f"{round(100 * float(analysis.full.weights[k]))} %" in found["weights"]
        assert f"{analysis.full.gates[k]:.2f}" in found["gates"]
