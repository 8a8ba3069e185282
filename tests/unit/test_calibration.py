"""Temperature, conformal sets and similar records, held to answers that are known by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from scipy.special import expit

from amfn.calibration import Calibration, best_scale, disagreement, fit_calibration
from amfn.conformal import enough_for
from amfn.reliability import calibration_error, clopper_pearson
from amfn.types import InputError

BOTH, ONLY_SECOND = [True, True], [False, True]


def calibration(zero: list[float], one: list[float], pattern: int = 3, modalities: int = 2) -> Calibration:
    """Records of one pattern with these logits by outcome, dealt out over five folds."""
    logits = np.array([*zero, *one], np.float32)
    labels = np.array([0] * len(zero) + [1] * len(one), np.uint8)
    count = len(logits)
    return Calibration(
        1.0, 0.0, logits, labels, np.full(count, pattern, np.int32), (np.arange(count) % 5).astype(np.uint8), modalities
    )


def ladder(count: int, start: float = 0.0) -> list[float]:
    return [start + k for k in range(count)]


def joined(a: Calibration, b: Calibration) -> Calibration:
    return replace(
        a,
        logits=np.concatenate([a.logits, b.logits]),
        labels=np.concatenate([a.labels, b.labels]),
        patterns=np.concatenate([a.patterns, b.patterns]),
        folds=np.concatenate([a.folds, b.folds]),
    )


def test_the_temperature_of_two_points_by_hand() -> None:
    """At a logit of 2, 3 of 4 are positive, at -2 1 of 4: the chance at 2 is 3/4 where 2 / T = ln 3."""
    logits = np.array([2.0] * 4 + [-2.0] * 4)
    labels = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    temperature, shift = best_scale(logits, labels)
    assert temperature == pytest.approx(2 / math.log(3), abs=1e-5)
    assert shift == pytest.approx(0, abs=1e-5)


def test_the_shift_of_two_points_by_hand() -> None:
    """9 of 10 at 1, 5 of 10 at 0: the shift is 0 there and the step ln 9; all moved by one, the shift follows."""
    logits = np.repeat([1.0, 0.0], 10)
    labels = np.array([1] * 9 + [0] + [1] * 5 + [0] * 5)
    assert best_scale(logits, labels) == pytest.approx((1 / math.log(9), 0), abs=1e-5)
    assert best_scale(logits + 1, labels) == pytest.approx((1 / math.log(9), -math.log(9)), abs=1e-5)


def test_logits_that_separate_everything_keep_a_temperature() -> None:
    temperature, shift = best_scale(np.array([-1.0, -2.0, 1.0, 2.0]), np.array([0, 0, 1, 1]))
    assert temperature == pytest.approx(0.1)
    assert abs(shift) <= 5


def test_fitting_brings_stated_chances_to_what_happened() -> None:
    draw = np.random.default_rng(0)
    true = draw.normal(-1, 1.5, 4000)
    labels = (draw.random(4000) < expit(true)).astype(int)
    raw = 2.5 * true + 1
    fitted = fit_calibration(raw, labels, np.ones((4000, 2), bool), np.arange(4000) % 5)
    facts = fitted.facts()
    assert facts["error_before"] == round(calibration_error(labels, expit(raw)), 4)
    assert facts["error_before"] > 0.08
    assert facts["error_after"] < 0.02
    assert facts["error_crossed"] < 0.02
    assert fitted.temperature == pytest.approx(2.5, rel=0.1)
    expected = np.sort(raw / fitted.temperature + fitted.shift)  # by logit: the records' order is not kept
    np.testing.assert_allclose(fitted.logits, expected, rtol=1e-5, atol=1e-5)
    assert [row[0] for row in facts["coverage"]] == [0.05, 0.05, 0.1, 0.1, 0.2, 0.2]
    assert all(0.85 < covered / answered < 1 for rate, _, _, answered, covered in facts["coverage"] if rate == 0.1)


def test_patterns_are_bits_in_the_order_of_the_schema() -> None:
    present = np.array([[True, False, True], [False, True, False], [True, True, True], [False, False, False]])
    fitted = fit_calibration(np.array([1.0, -1, 0.5, 0]), np.array([1, 0, 1, 0]), present, np.arange(4))
    assert fitted.patterns.tolist() == [2, 7, 5], "the prior, given where nothing was recorded, is not calibrated"
    assert fitted.folds.tolist() == [1, 2, 0]
    assert fitted.modalities == 3


def test_p_values_by_hand() -> None:
    """39 records of each outcome at logits 0 to 38. At 36.5, two of outcome 0 are as high: (2 + 1) / 40; 37 of outcome
    1 are as low: (37 + 1) / 40. Ties count for the record."""
    held = calibration(ladder(39), ladder(39))
    assert held.p_values(36.5, BOTH) == (3 / 40, 38 / 40)
    assert held.p_values(36.0, BOTH) == (4 / 40, 38 / 40)
    assert held.p_values(-1.0, BOTH) == (1.0, 1 / 40)


def test_each_kind_of_set() -> None:
    apart, mixed = calibration(ladder(39, -50), ladder(39, 50)), calibration(ladder(39), ladder(39))
    assert mixed.conformal_set(20, BOTH).labels == (0, 1)
    assert mixed.conformal_set(36.5, BOTH).labels == (1,)
    assert mixed.conformal_set(1.5, BOTH).labels == (0,)
    assert apart.conformal_set(0, BOTH).labels == ()
    refused = mixed.conformal_set(20, BOTH, 0.05)
    assert refused.labels == ()
    assert refused.refused is not None
    assert "39 did not have the event, and 79 are needed" in refused.refused
    assert mixed.conformal_set(20, BOTH).refused is None
    assert mixed.p_values(20, BOTH, 0.05) is None


def test_a_p_value_of_exactly_the_error_rate_rules_out() -> None:
    assert calibration(ladder(39), ladder(39)).conformal_set(36.0, BOTH).labels == (1,)


def test_how_many_are_enough_is_what_the_docstring_says() -> None:
    assert [enough_for(rate) for rate in (0.05, 0.1, 0.2)] == [79, 39, 14]
    for rate in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(InputError, match="share between 0 and 1"):
            enough_for(rate)


def test_enough_keeps_the_error_rate_within_twice_the_chosen_one() -> None:
    """The error rate that comes out over many calibration draws, from uniform scores, where it is known: it is the
    l-th smallest of n."""
    draw = np.random.default_rng(0)
    for rate, count in ((0.1, 39), (0.1, 9)):
        smallest = np.sort(draw.random((20_000, count)), 1)[:, round(rate * (count + 1)) - 1]
        assert ((smallest > 2 * rate).mean() <= 0.05) == (count == 39)


def test_few_records_of_a_pattern_ask_their_neighbours_and_the_more_careful_answer_counts() -> None:
    """10 records of outcome 1 with the second modality alone, at 100 to 109; 40 with both, at 0 to 39. A logit of 50
    lies below all of the same pattern (p = 1/11) and above all of the others: (40 + 1) / 51."""
    few = joined(calibration(ladder(40, -200), ladder(10, 100), pattern=2), calibration(ladder(40, -200), ladder(40)))
    assert few.p_values(50, ONLY_SECOND) == pytest.approx((1 / 41, 41 / 51))
    own = few.conformal_set(50, ONLY_SECOND)
    assert (own.scope, own.pattern_count, own.counts) == ("near", 50, (40, 10))
    # The other way round the own pattern is the more careful one.
    assert few.p_values(105.5, ONLY_SECOND) == pytest.approx((1 / 41, max(7 / 11, 47 / 51)))
    turned = joined(
        calibration(ladder(40, -200), ladder(10), pattern=2), calibration(ladder(40, -200), ladder(40, 100))
    )
    assert turned.p_values(5.5, ONLY_SECOND) == pytest.approx((1 / 41, 7 / 11))
    assert few.conformal_set(50, BOTH).scope == "same"


def test_a_pattern_too_rare_to_rule_anything_out_is_refused() -> None:
    rare = joined(calibration(ladder(40, -200), ladder(8, 100), pattern=2), calibration(ladder(40, -200), ladder(40)))
    refused = rare.conformal_set(50, ONLY_SECOND)
    assert refused.refused is not None
    assert "8 had the event, and 9 are needed" in refused.refused
    assert refused.counts == (40, 8)
    unseen = rare.conformal_set(50, [True, False])
    assert unseen.pattern_count == 0
    assert unseen.refused is not None
    assert "no training record" in unseen.refused


def test_nothing_recorded_is_refused_however_many_there_were() -> None:
    nothing = calibration(ladder(100), ladder(100), pattern=0).conformal_set(0, [False, False])
    assert nothing.refused == "nothing was recorded"


def test_another_number_of_modalities_is_refused() -> None:
    with pytest.raises(InputError, match="3 modalities"):
        calibration(ladder(39), ladder(39)).conformal_set(0, [True] * 3)


def test_similar_records_by_hand() -> None:
    """100 records, a tenth of them are similar: the ten nearest to a chance of 0.5 are those at logits -0.4 to 0.5."""
    logits = np.array([(k - 50) / 10 for k in range(100)], np.float32)
    labels = (np.arange(100) % 2).astype(np.uint8)
    whole = Calibration(1.0, 0.0, logits, labels, np.ones(100, np.int32), (np.arange(100) % 5).astype(np.uint8), 1)
    found = whole.similar(0.501)
    assert (found.count, found.events, found.share) == (10, 5, 0.5)
    assert (found.from_risk, found.to_risk) == pytest.approx((expit(-0.4), expit(0.5)), abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.18709, 0.81291), abs=1e-5)
    assert whole.similar(0.0).to_risk == pytest.approx(expit(-4.1), abs=1e-6)


def test_exact_intervals_against_published_values() -> None:
    """41 of 300 (Clopper and Pearson 1934, by any table); the rule of three at the ends: 1 - 0.025^(1/n)."""
    assert clopper_pearson(41, 300) == pytest.approx((0.09992, 0.18080), abs=2e-4)
    assert clopper_pearson(0, 20) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))
    assert clopper_pearson(20, 20) == pytest.approx((0.025 ** (1 / 20), 1))
    assert clopper_pearson(0, 0) == (0, 1)


def test_coverage_is_measured_on_folds_left_out() -> None:
    """Fold 0 of outcome 1 lies below everything the other folds hold: none of it is covered, all of the rest is."""
    count = 250
    logits = np.arange(2 * count, dtype=np.float32)
    labels = np.repeat([0, 1], count).astype(np.uint8)
    folds = np.tile(np.arange(5), 2 * count // 5).astype(np.uint8)
    logits[(labels == 1) & (folds == 0)] = -1e3
    whole = Calibration(1.0, 0.0, logits, labels, np.full(2 * count, 3, np.int32), folds, 2)
    rows = whole.coverage(0.2)
    assert [(r.pattern, r.label, r.records, r.answered) for r in rows] == [
        (None, 0, 250, 250), (None, 1, 250, 250), (3, 0, 250, 250), (3, 1, 250, 250),
    ]  # fmt: skip
    # Fold 0 (50 records) is missed; the other folds see 50 such records among 200, more than a fifth: all are covered.
    assert rows[1].covered == 200
    assert rows[1].share == 0.8
    assert (rows[1].low, rows[1].high) == clopper_pearson(200, 250)


def test_coverage_of_refused_patterns_is_no_number() -> None:
    row = calibration(ladder(5), ladder(5)).coverage(0.1)[0]
    assert (row.records, row.answered, row.covered) == (5, 0, 0)
    assert math.isnan(row.share)


def test_disagreement_by_hand() -> None:
    spread = disagreement([0.0, math.log(3)])
    assert (spread.low, spread.high, spread.sd) == pytest.approx((0.5, 0.75, 0.125))
    with pytest.raises(InputError, match="no logits"):
        disagreement([])


def test_tensors_go_there_and_back() -> None:
    held = replace(calibration(ladder(40), ladder(40, 3.5)), temperature=1.1655816222520647, shift=-0.32)
    back = Calibration.from_tensors(load(save(held.to_tensors())))
    assert (back.temperature, back.shift, back.modalities) == (held.temperature, held.shift, held.modalities)
    for name in ("logits", "labels", "patterns", "folds"):
        np.testing.assert_array_equal(getattr(back, name), getattr(held, name))
    assert back.conformal_set(3, BOTH) == held.conformal_set(3, BOTH)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"logits": None}, "temperature float64"),
        ({"extra": torch.zeros(1)}, "extra float32"),
        ({"logits": torch.zeros(10, dtype=torch.float64)}, "logits float64"),
        ({"logits": torch.zeros(9)}, "shapes"),
        ({"logits": torch.full((10,), float("nan"))}, "not finite"),
        ({"labels": torch.full((10,), 1, dtype=torch.uint8)}, r"labels \[1\]"),
        ({"labels": torch.arange(10, dtype=torch.uint8)}, "labels"),
        ({"patterns": torch.full((10,), 4, dtype=torch.int32)}, "patterns"),
        ({"patterns": torch.full((10,), -1, dtype=torch.int32)}, "patterns"),
        ({"folds": torch.zeros(10, dtype=torch.uint8)}, "folds"),
        ({"modalities": torch.tensor([0], dtype=torch.int32)}, "modalities 0"),
        ({"modalities": torch.tensor([2, 2], dtype=torch.int32)}, "one of each"),
        ({"temperature": torch.tensor([0.0], dtype=torch.float64)}, "temperature 0.0"),
        ({"temperature": torch.tensor([float("nan")], dtype=torch.float64)}, "temperature nan"),
        ({"shift": torch.tensor([float("inf")], dtype=torch.float64)}, "shift inf"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_are_refused(changes: dict[str, torch.Tensor | None], said: str) -> None:
    tensors = calibration(ladder(5), ladder(5)).to_tensors() | changes
    with pytest.raises(InputError, match=said):
        Calibration.from_tensors({name: tensor for name, tensor in tensors.items() if tensor is not None})


def test_records_that_do_not_belong_together_are_refused() -> None:
    fine = (np.array([1.0, -1.0]), np.array([1, 0]), np.ones((2, 2), bool), np.array([0, 1]))
    assert fit_calibration(*fine).modalities == 2
    for at, wrong in enumerate((np.zeros(3), np.ones(3), np.ones((3, 2), bool), np.zeros(3))):
        with pytest.raises(InputError, match="one of each a record"):
            fit_calibration(*(wrong if k == at else part for k, part in enumerate(fine)))
    with pytest.raises(InputError, match="folds -1 to 1"):
        fit_calibration(*fine[:3], np.array([-1, 1]))
    with pytest.raises(InputError, match="not finite"):
        fit_calibration(np.array([1.0, np.nan]), *fine[1:])
    with pytest.raises(InputError, match="labels"):
        fit_calibration(fine[0], np.array([1, 1]), *fine[2:])
