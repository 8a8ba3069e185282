"""Several models on the same records: cases worked by hand, models that are one and the same, differences planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit
from scipy.stats import kendalltau, spearmanr, ttest_ind

from amfn.reliability import calibration_error
from amfn.tasks import get_task
from amfn.types import InputError
from audit import pairs
from audit.pairs import FIGURES, apart, calibration_samples, draws_for, holm, levels, scores
from audit.pairs_reasons import agreement, correlations, crossed, taus

TASK = get_task("icu_mortality")
NAN = np.nan


def cohort(records: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and the log-odds that they were drawn from."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(-1, 1.5, records)
    return (draw.random(records) < expit(truth)).astype(int), truth


# Figures and their paired differences


def test_figures_of_four_records_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    chances = np.array([0.1, 0.6, 0.4, 0.9])
    found = scores(TASK, labels, logit(chances)[None], draws=50)
    figures = found.models[0].figures
    # Of four pairs of a death and a survivor three are ranked rightly.
    assert figures["auroc"].value == pytest.approx(0.75)
    # Deaths stand first and third: (1/1 + 2/3) / 2.
    assert figures["auprc"].value == pytest.approx(5 / 6)
    assert figures["brier"].value == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert figures["calibration_error"].value == pytest.approx((0.1 + 0.6 + 0.6 + 0.1) / 4)
    assert found.models[0].against == {}
    assert (found.records, found.positives) == (4, 2)


def test_a_model_beside_itself_differs_by_nothing_with_no_width() -> None:
    labels, truth = cohort()
    found = scores(TASK, labels, np.stack([truth, truth]), draws=100)
    for difference in found.models[1].against.values():
        assert (difference.value.value, difference.value.low, difference.value.high) == (0, 0, 0)
        assert (difference.p, difference.adjusted) == (1, 1)
    # The check can fail: the least of changes has a width.
    shaken = truth + 0.1 * np.random.default_rng(1).normal(size=len(truth))
    other = scores(TASK, labels, np.stack([truth, shaken]), draws=100).models[1].against["brier"].value
    assert other.high > other.low


def test_a_planted_difference_is_found_and_one_of_names_only_is_not() -> None:
    labels, truth = cohort(1500)
    draw = np.random.default_rng(2)
    worse = truth + 2 * draw.normal(size=len(truth))
    alike = [truth + 0.3 * draw.normal(size=len(truth)) for _ in range(2)]
    found = scores(TASK, labels, np.stack([alike[0], worse, alike[1]]), draws=300)
    blurred, twin = found.models[1].against, found.models[2].against
    for name, more_is_better in FIGURES.items():
        lies = blurred[name].value
        assert (lies.high < 0) if more_is_better else (lies.low > 0), name
        assert blurred[name].adjusted < 0.05, name
        assert twin[name].adjusted > 0.05, name


def test_calibration_is_told_from_ranking() -> None:
    labels, truth = cohort(1500)
    found = scores(TASK, labels, np.stack([truth, truth + 1.5]), draws=200).models[1].against
    assert found["auroc"].value.value == 0
    assert found["auroc"].adjusted == 1
    assert found["calibration_error"].value.low > 0.1
    assert found["calibration_error"].adjusted < 0.001


def test_pairing_makes_differences_narrower_than_the_figures() -> None:
    labels, truth = cohort(800)
    near = truth + 0.2 * np.random.default_rng(3).normal(size=len(truth))
    found = scores(TASK, labels, np.stack([truth, near]), draws=300)
    width = found.models[1].figures["auroc"]
    paired = found.models[1].against["auroc"].value
    assert (paired.high - paired.low) < 0.5 * (width.high - width.low)


def test_a_large_cohort_is_drawn_in_parts_that_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, truth = cohort(400)
    logits = np.stack([truth, 0.5 * truth])
    whole = scores(TASK, labels, logits, draws=400)
    monkeypatch.setattr(pairs, "DRAWN_AT_ONCE", 20 * 400)
    parts = scores(TASK, labels, logits, draws=400)
    assert parts.draws == whole.draws == 400
    # Every part draws anew.
    assert len(np.unique(pairs._sampled(TASK, labels, logits, 400, 0)[0]["brier"])) > 390
    for name in FIGURES:
        one, two = (found.models[1].against[name].value for found in (whole, parts))
        assert one.value == two.value
        assert one.low == pytest.approx(two.low, abs=0.3 * (one.high - one.low) + 1e-12)


def test_fewer_draws_of_more_records() -> None:
    assert [draws_for(n) for n in (48, 8_000, 40_000, 100_000, 10_000_000)] == [1000, 1000, 500, 200, 200]


def test_a_single_outcome_cannot_be_ranked() -> None:
    with pytest.raises(InputError, match="both outcomes"):
        scores(TASK, np.zeros(5, int), np.zeros((2, 5)))


@given(st.integers(0, 10_000), st.integers(11, 60))
def test_calibration_error_of_a_sample_is_that_of_its_records_written_out(seed: int, records: int) -> None:
    draw = np.random.default_rng(seed)
    labels, chances = draw.integers(0, 2, records), draw.random(records)
    rows = np.sort(draw.integers(0, records, records))
    weights = np.bincount(rows, minlength=records)[None]
    found = calibration_samples(labels, chances, np.concatenate([np.ones((1, records)), weights]))
    assert found[0] == pytest.approx(calibration_error(labels, chances))
    assert found[1] == pytest.approx(calibration_error(labels[rows], chances[rows]))


def test_the_interval_of_the_calibration_error_holds_it() -> None:
    labels, truth = cohort(500)
    figure = scores(TASK, labels, truth[None], draws=300).models[0].figures["calibration_error"]
    assert figure.low < figure.value < figure.high
    # Without the move down it would not: chance adds to the error of every sample.
    drawn = calibration_samples(
        labels, expit(truth), np.random.default_rng(0).multinomial(500, np.full(500, 1 / 500), 300)
    )
    assert np.percentile(drawn, 2.5) > figure.value * 0.9
    assert drawn.mean() > figure.value


def test_holm_by_hand() -> None:
    # 0.01 * 3, then 0.02 * 2, then the larger of 0.04 and 0.03 * 1.
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []


# Where answers differ


def test_how_far_apart_by_hand() -> None:
    first, second = np.array([0.1, 0.2, 0.5, 0.9]), np.array([0.1, 0.4, 0.3, 0.9])
    found = apart(first, second, 0.4)
    assert found.size.value == pytest.approx(0.1)
    assert found.shift == pytest.approx(0)
    assert found.largest == pytest.approx(0.2)
    # At the threshold counts as above: the second record crosses upwards, the third downwards.
    assert found.sides.tolist() == [[1, 1], [1, 1]]
    assert found.opposite.value == 0.5
    assert found.counts.sum() == found.records == 4
    assert apart(first, second + 0.05, 0.4).shift == pytest.approx(0.05)


def test_the_same_answers_are_nowhere_apart() -> None:
    same = np.linspace(0, 1, 50)
    found = apart(same, same, 0.5)
    assert (found.size.value, found.size.high, found.largest, found.opposite.value) == (0, 0, 0, 0)
    assert np.isfinite(found.edges).all()
    assert np.trace(found.sides) == 50


def test_the_subgroup_in_which_a_difference_was_planted_comes_first() -> None:
    draw = np.random.default_rng(4)
    sex = np.tile(["Female", "Male"], 200)
    unit = np.tile(np.repeat(["Medical", "Surgical", "Cardiac"], 2), 67)[:400]
    size = draw.random(400) * 0.05 + 0.1 * (unit == "Surgical")
    rare = np.array(["few"] * 5 + ["many"] * 395)
    found = levels({"Sex": sex, "ICU type": unit, "Rare": rare}, size, size > 0.1)
    assert (found[0].stratum, found[0].level) == ("ICU type", "Surgical")
    assert found[0].adjusted is not None
    assert found[0].adjusted < 0.001
    assert found[0].opposite == 1
    assert found[0].rest == pytest.approx(size[unit != "Surgical"].mean())
    by = {(level.stratum, level.level): level for level in found}
    assert ("Rare", "few") not in by
    # Compared with five others: too few.
    assert (by["Rare", "many"].rest, by["Rare", "many"].adjusted) == (None, None)
    # Of two levels each is the other's rest: the same comparison.
    assert by["Sex", "Female"].adjusted == by["Sex", "Male"].adjusted
    assert by["Sex", "Female"].adjusted > 0.05  # type: ignore[operator]


def test_two_levels_are_one_comparison() -> None:
    size = np.random.default_rng(6).random(60)
    sex = np.repeat(["Female", "Male"], 30)
    found = levels({"Sex": sex}, size, np.zeros(60, bool))
    p = ttest_ind(size[:30], size[30:], equal_var=False).pvalue
    assert [level.adjusted for level in found] == pytest.approx([p, p])


def test_where_nothing_varies_nothing_differs() -> None:
    found = levels({"Sex": np.repeat(["a", "b"], 20)}, np.zeros(40), np.zeros(40, bool))
    assert [level.adjusted for level in found] == [1, 1]


# Whose reasons agree


def test_taus_by_hand() -> None:
    near = [1, 1 + 1e-9, 1 + 2e-9, NAN]
    first = np.array([[3, 2, 1, NAN], [1, 2, 3, 4], [1, 1, 2, 3], [1, 2, NAN, NAN], [1, 1, 1, 1], [1, 2, 3, NAN], near])
    second = np.array(
        [[1, 2, 3, NAN], [1, 2, 4, 3], [1, 2, 2, 3], [1, 2, NAN, NAN], [1, 2, 3, 4], [NAN, 2, 3, 4], [1, 2, 3, 4]]
    )
    found = taus(first, second)
    # Reversed; one of six pairs the other way; four concordant over five untied in each; two to rank: none; even: none;
    # two in both: none; not told apart: none.
    assert found[:3] == pytest.approx([-1, 4 / 6, 4 / 5])
    assert np.isnan(found[3:]).all()


@given(
    arrays(np.float64, (5, 6), elements=st.integers(-3, 3).map(float)),
    arrays(np.float64, (5, 6), elements=st.integers(-3, 3).map(float)),
    arrays(bool, (5, 6)),
)
def test_taus_are_those_of_scipy(first: np.ndarray, second: np.ndarray, absent: np.ndarray) -> None:
    first = np.where(absent, NAN, first)
    found = taus(first, second)
    for row, tau in enumerate(found):
        here = ~absent[row]
        one, two = first[row, here], second[row, here]
        if here.sum() < 3 or np.ptp(one) == 0 or np.ptp(two) == 0:
            assert np.isnan(tau)
        else:
            assert tau == pytest.approx(kendalltau(one, two).statistic)


def test_agreement_counts_what_is_ranked() -> None:
    found = agreement(np.array([1.0, 0.5, -0.5, NAN]))
    assert (found.ranked, sum(found.counts)) == (3, 3)
    assert found.below == pytest.approx(1 / 3)
    assert found.distribution is not None
    assert found.distribution.quantiles[2] == 0.5
    nothing = agreement(np.array([NAN, NAN]))
    assert (nothing.ranked, nothing.distribution, nothing.below) == (0, None, 0)


def test_correlations_are_those_of_scipy_over_what_both_have() -> None:
    draw = np.random.default_rng(5)
    first = draw.integers(0, 6, (40, 4)).astype(float)
    second = np.column_stack([first[:, 0], -first[:, 1], draw.normal(size=40), np.ones(40)])
    first[:10, 2] = NAN
    rho, records = correlations(first, second)
    assert rho[:2] == pytest.approx([1, -1])
    assert rho[2] == pytest.approx(spearmanr(first[10:, 2], second[10:, 2]).statistic)
    assert np.isnan(rho[3])
    assert records.tolist() == [40, 40, 30, 40]
    assert np.isnan(correlations(first[:2], second[:2])[0]).all()


def test_answers_and_reasons_are_counted_apart() -> None:
    opposite = np.array([False, False, False, True, True, False])
    found = crossed(opposite, np.array([0.9, 0.5, 0.1, 0.8, -0.2, NAN]))
    # Not alike: one with other reasons, one with the same; alike: one with others, two with the same.
    assert found.counts.tolist() == [[1, 1], [1, 2]]
    assert found.unranked == 1
    assert crossed(opposite, np.array([0.9, 0.5, 0.1, 0.8, -0.2, NAN]), 0.6).counts.tolist() == [[1, 1], [2, 1]]
