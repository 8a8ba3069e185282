"""Figures over an audit's columns, on cases solved by hand and beside scikit-learn and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from amfn.reliability import net_benefit
from amfn.tasks import get_task
from amfn.types import InputError
from audit.measures import GRID, decision, discrimination, mean_interval, t_interval
from audit.measures_areas import areas, removal, removal_keeps, subset_rows, two_sided, without
from audit.measures_groups import Contribution, calibration_intercept, contributions, subgroups
from audit.measures_modalities import disagreement, modalities, pairs, rank_agreement
from explain.coalitions import subsets_of

LABELS = np.array([0, 0, 1, 1])
CHANCES = np.array([0.1, 0.4, 0.35, 0.8])
SCHEMA = get_task("icu_alarm").schema


def simulated(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    logits = draw.normal(-1, 1.5, count)
    return (draw.random(count) < expit(logits)).astype(int), logits


def test_four_records_by_hand() -> None:
    """Pairs in order: 0.35 over 0.1, 0.8 over both: 3 of 4. Precision at the two events: 1 and 2/3."""
    found = discrimination(LABELS, CHANCES)
    assert found.auroc.value == pytest.approx(3 / 4)
    assert found.auprc.value == pytest.approx((1 + 2 / 3) / 2)
    assert found.brier.value == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert (found.records, found.positives) == (4, 2)


def test_the_curves_of_four_records_by_hand() -> None:
    """Descending: event, none, event, none. ROC: (0, 1/2), (1/2, 1/2), (1/2, 1), (1, 1)."""
    found = discrimination(LABELS, CHANCES)
    at = dict(zip(found.roc.x.round(2).tolist(), found.roc.y.tolist(), strict=True))
    assert len(at) == GRID
    assert (at[0.0], at[0.25], at[0.5], at[1.0]) == pytest.approx((0.5, 0.5, 1, 1))
    at = dict(zip(found.precision_recall.x.round(2).tolist(), found.precision_recall.y.tolist(), strict=True))
    assert (at[0.1], at[0.5], at[0.51], at[1.0]) == pytest.approx((1, 1, 2 / 3, 2 / 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=60))
def test_areas_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    labels, chances = np.array([y for y, _ in rows]), np.array([c for _, c in rows]) / 6
    if len(np.unique(labels)) < 2:
        with pytest.raises(InputError, match="both outcomes"):
            discrimination(labels, chances)
        return
    found = discrimination(labels, chances)
    assert found.auroc.value == pytest.approx(roc_auc_score(labels, chances))
    assert found.auprc.value == pytest.approx(average_precision_score(labels, chances))
    assert found.brier.value == pytest.approx(brier_score_loss(labels, chances))
    assert areas(labels, chances[None]).values[0] == pytest.approx(roc_auc_score(labels, chances))
    for curve in (found.roc, found.precision_recall):
        assert (curve.low <= curve.y).all()
        assert (curve.y <= curve.high).all()
        assert (curve.low >= 0).all()
        assert (curve.high <= 1).all()


@pytest.mark.parametrize("count", [300, 6_000])
def test_counting_draws_the_bootstrap_over_records(count: int) -> None:
    """Also beyond the groups of neighbouring chances: the intervals are those of resampled records, but for luck."""
    labels, logits = simulated(count)
    chances = expit(logits)
    draw = np.random.default_rng(1)
    sampled = [draw.integers(0, count, count) for _ in range(400)]
    found = discrimination(labels, chances)
    for interval, score in (
        (found.auroc, roc_auc_score),
        (found.auprc, average_precision_score),
        (found.brier, brier_score_loss),
    ):
        low, high = np.percentile([score(labels[rows], chances[rows]) for rows in sampled], (2.5, 97.5))
        width = high - low
        assert interval.low == pytest.approx(low, abs=0.15 * width)
        assert interval.high == pytest.approx(high, abs=0.15 * width)


def test_a_worse_ranking_has_a_lower_curve() -> None:
    labels, logits = simulated(500)
    noise = np.random.default_rng(2).normal(0, 3, 500)
    good, bad = (discrimination(labels, expit(x)) for x in (logits, logits + noise))
    assert bad.auroc.high < good.auroc.low
    assert bad.roc.y.mean() < good.roc.y.mean()


def test_the_decision_curve_and_its_band() -> None:
    """At 0.5 two records are acted on, of which one has the event: 1/4 - 1/4 * odds 1 = 0."""
    chances = np.array([0.1, 0.6, 0.35, 0.8])
    found = decision(LABELS, chances, np.array([0.25, 0.5]))
    assert found.model[1] == pytest.approx(0)
    assert found.everyone[1] == pytest.approx(0)
    labels, logits = simulated(2_000)
    large = decision(labels, expit(logits))
    assert large.model == pytest.approx(net_benefit(labels, expit(logits), large.thresholds)[:, 0])
    assert (large.low <= large.model).all()
    assert (large.model <= large.high).all()
    # At 1 % nearly everyone is acted on: the spread is that of a share of events.
    assert large.high[0] - large.low[0] == pytest.approx(4 * np.sqrt(labels.var() / 2_000), rel=0.15)
    with pytest.raises(InputError, match="no record"):
        decision(np.array([], int), np.array([]))


def test_intervals_of_a_mean() -> None:
    assert mean_interval(np.array([])) is None
    assert t_interval(np.array([1.0])) is None
    alone = mean_interval(np.array([2.0, 2.0]))
    assert alone is not None
    assert (alone.value, alone.low, alone.high) == (2, 2, 2)
    # Student: mean 2, standard deviation 1, 12.706 / sqrt 2 times for one degree of freedom at two records.
    two = t_interval(np.array([2 - 0.5**0.5, 2 + 0.5**0.5]))
    assert two is not None
    assert two.value == pytest.approx(2)
    assert two.high - 2 == pytest.approx(12.706 / 2**0.5, rel=1e-4)
    values = np.random.default_rng(0).exponential(1, 20_000).astype(np.float32)
    found = mean_interval(values)
    assert found is not None
    assert found.value == pytest.approx(float(values.mean(dtype=float)))
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20_000**0.5, rel=0.12)


def test_delong_by_hand() -> None:
    """Placements of the events 1/2 and 1, of the others 0 counted as 1 and 1/2: both vary by 1/8, each over two."""
    found = areas(LABELS, CHANCES[None])
    assert found.covariance[0, 0] == pytest.approx(1 / 8 / 2 + 1 / 8 / 2)
    same = areas(LABELS, np.stack([CHANCES, CHANCES]))
    contrast = same.contrast(np.array([1.0, -1.0]))
    assert (contrast.value, contrast.low, contrast.high) == (0, 0, 0)
    perfect = areas(LABELS, LABELS[None].astype(float)).interval(np.ones(1))
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)
    assert two_sided(1.959964, 1.0) == pytest.approx(0.05, abs=1e-6)
    assert two_sided(0.3, 0.0) == 1


def test_delong_is_as_wide_as_the_bootstrap() -> None:
    labels, logits = simulated(800)
    interval = areas(labels, logits[None]).interval(np.ones(1))
    drawn = discrimination(labels, expit(logits)).auroc
    assert interval.low == pytest.approx(drawn.low, abs=0.006)
    assert interval.high == pytest.approx(drawn.high, abs=0.006)


@given(st.lists(st.booleans(), min_size=5, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_a_subset_is_found_where_explain_puts_it(present: list[bool], keep: list[bool]) -> None:
    here, kept = np.array(present), np.array(keep)
    row = subset_rows(here[None], kept[None])[0]
    assert np.array_equal(subsets_of(here)[row], here & kept)


def test_removal_from_an_additive_model() -> None:
    """Only the first modality carries the outcome: without it nothing is left, without another nothing is lost."""
    names, count = SCHEMA.names, 400
    draw = np.random.default_rng(3)
    labels = draw.integers(0, 2, count)
    parts = draw.normal(0, 1, (count, len(names))) * 1e-6
    parts[:, 0] = labels + draw.normal(0, 0.5, count)
    present = np.ones((count, len(names)), bool)
    keeps = removal_keeps(SCHEMA, present)
    variants = {name: (parts * keep).sum(1) for name, keep in keeps.items()}
    found = removal(labels, parts.sum(1), variants, present, names)
    changes = {name: change for name, _, change, _ in found.without}
    assert changes[names[0]].high < -0.3
    assert all(abs(change.value) < 1e-3 for name, change in changes.items() if name != names[0])
    values = [interval.value for _, interval in found.curve]
    assert [rate for rate, _ in found.curve] == [0, 0.1, 0.3, 0.5, 0.7]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(roc_auc_score(labels, parts.sum(1)))
    assert (keeps[without(names[1])].sum(1) == len(names) - 1).all()


def test_calibration_in_the_large_is_the_intercept_of_a_logistic_regression() -> None:
    labels, logits = simulated(700)
    found, error = calibration_intercept(labels, logits - 0.8)
    fit = sm.GLM(labels, np.ones(len(labels)), family=sm.families.Binomial(), offset=logits - 0.8).fit()
    assert found == pytest.approx(float(fit.params[0]), abs=1e-6)
    assert error == pytest.approx(float(fit.bse[0]), rel=1e-4)
    assert found - calibration_intercept(labels, logits)[0] == pytest.approx(0.8)
    # All chances one half and a quarter of events: logit of 1/4.
    assert calibration_intercept(np.array([1, 0, 0, 0]), np.zeros(4))[0] == pytest.approx(np.log(1 / 3))


def test_the_subgroup_that_is_wrong_is_found_and_no_other() -> None:
    labels, logits = simulated(4_000)
    draw = np.random.default_rng(4)
    sex = draw.choice(["Female", "Male"], 4_000)
    unit = draw.choice(["A", "B", "C", "D"], 4_000)
    wrong = np.where(unit == "B", logits + 1.2, logits)
    table = {(p.stratum, p.level): p for p in subgroups({"Sex": sex, "Unit": unit}, labels, wrong)}
    off = table["Unit", "B"]
    assert off.intercept is not None
    assert off.intercept.value == pytest.approx(-1.2, abs=0.25)
    assert off.intercept_adjusted is not None
    assert off.intercept_adjusted < 0.001
    assert off.auroc_adjusted is not None
    assert off.auroc_adjusted > 0.05, "a shift leaves the order within the part as it was"
    female, male = table["Sex", "Female"], table["Sex", "Male"]
    assert female.intercept_adjusted is not None
    assert female.intercept_adjusted > 0.05
    assert female.intercept_p == pytest.approx(male.intercept_p)
    assert female.intercept_adjusted == pytest.approx(male.intercept_adjusted)
    assert female.observed.value == pytest.approx(labels[sex == "Female"].mean())
    assert female.predicted == pytest.approx(expit(wrong)[sex == "Female"].mean())


def test_holm_over_the_whole_table_by_hand() -> None:
    """Two strata of two levels are four comparisons: the smallest p-value counts four times, the next three times."""
    labels, logits = simulated(900)
    draw = np.random.default_rng(5)
    strata = {"One": draw.choice(["a", "b"], 900), "Two": draw.choice(["c", "d"], 900)}
    found = subgroups(strata, labels, logits)
    raw = {
        (part.stratum, name): p
        for part in found
        for name, p in (("auroc", part.auroc_p), ("intercept", part.intercept_p))
        if p is not None
    }
    order = sorted(raw, key=lambda one: raw[one])
    expected: dict[tuple[str, str], float] = {}
    largest = 0.0
    for k, one in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - k) * raw[one]))
        expected[one] = largest
    assert len(raw) == 4
    for part in found:
        assert part.auroc_adjusted == pytest.approx(expected[part.stratum, "auroc"])
        assert part.intercept_adjusted == pytest.approx(expected[part.stratum, "intercept"])


def test_small_parts_are_too_few_and_alone_ones_not_compared() -> None:
    labels, logits = simulated(300)
    level = np.array(["large"] * 295 + ["small"] * 5)
    large, small = subgroups({"Size": level}, labels, logits)
    assert small.auroc is None
    assert small.intercept is None
    assert small.auroc_adjusted is None
    assert large.auroc is not None
    assert large.auroc_p is None, "the rest is too few to compare with"
    (only,) = subgroups({"Site": np.array(["here"] * 300)}, labels, logits)
    assert only.auroc is not None
    assert only.auroc_adjusted is None


def test_contributions_by_group_by_hand() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [-2.0, 5.0]])
    first, second = contributions(values, np.array([0, 0, 1]), 2)
    assert first[0].mean is not None
    assert first[0].mean.value == 2
    assert first[0].strength == 2
    assert first[0].quantiles is None
    assert first[1] == Contribution(0, None, None, None)
    assert second[0].mean is None, "of one record no interval"
    assert second[0].strength == 2


def test_modalities_count_only_records_that_have_them() -> None:
    shapley = np.array([[1.0, np.nan], [-3.0, 2.0], [np.nan, np.nan], [np.nan, 4.0]])
    weights = np.where(np.isfinite(shapley), 0.5, np.nan)
    first, second = modalities(("a", "b"), shapley, None, weights)
    assert (first.records, first.present) == (2, 0.5)
    assert first.strength is not None
    assert first.strength.value == 2
    assert first.mean is not None
    assert first.mean.value == -1
    assert first.gate is None
    assert second.weight is not None
    assert (second.weight.mean, second.weight.sd, second.weight.quantiles) == (0.5, 0, (0.5,) * 5)
    (none,) = modalities(("c",), np.full((3, 1), np.nan))
    assert none.strength is None
    assert none.present == 0


def test_pairs_over_the_records_that_have_both() -> None:
    stack = np.zeros((3, 2, 2), np.float32)
    stack[0], stack[1, 0, 0] = [[1, 2], [2, 3]], 7
    stack[2] = [[3, -4], [-4, 5]]
    present = np.array([[1, 1], [1, 0], [1, 1]], bool)
    found = pairs(stack, present)
    assert found.mean == pytest.approx(np.array([[11 / 3, -1], [-1, 4]]))
    assert found.size[0, 1] == pytest.approx(3)
    assert found.sd[0, 1] == pytest.approx(3)
    assert found.records.tolist() == [[3, 2], [2, 2]]
    apart = pairs(stack[:1], np.array([[True, False]]))
    assert np.isnan(apart.mean[0, 1])


def test_rank_agreement_and_disagreement_by_hand() -> None:
    (row,) = rank_agreement({("weight", "shapley"): np.array([-1.0, 0.5, 1.0, np.nan])})
    assert row.distribution is not None
    assert row.distribution.records == 3
    assert row.below == pytest.approx(1 / 3)
    assert sum(row.counts) == 3
    assert (row.counts[0], row.counts[-1]) == (1, 1)
    (nowhere,) = rank_agreement({("gate", "leave_one_out"): np.array([np.nan])})
    assert nowhere.distribution is None
    odd = disagreement(
        np.array([True, True, True, False]), np.array([True, False, False, False]), np.array(["a", "a", "b", "b"])
    )
    assert (odd.judged, odd.flagged) == (3, 1)
    assert odd.favourites == (("a", 2, 1), ("b", 1, 0))
    # One of three, Clopper and Pearson.
    assert (odd.share.low, odd.share.high) == pytest.approx((0.0084, 0.9057), abs=1e-4)
    nothing = disagreement(np.zeros(2, bool), np.zeros(2, bool), np.array(["a", "b"]))
    assert nothing.judged == 0
    assert nothing.share.value == 0
