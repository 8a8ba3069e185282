"""Rankings of clinicians beside a model's: taus and alphas worked out by hand, intervals and p that are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from amfn.types import InputError
from explain import raters
from explain.agreement import kendall
from explain.raters import Estimate, MeasureAgreement, Ranking, RaterStudy, alpha, disagreements, order, study, tau
from explain.reality import CONTRIBUTION, ROUTING, Measure, RealityCheck

NAMES = tuple("abcdefgh")
Numbers = Sequence[float] | np.ndarray


def check(
    strengths: Numbers, measure: Measure = "shapley", more: Mapping[Measure, Numbers] | None = None
) -> RealityCheck:
    """A record in which each measure that is named says this of its modalities, and the others are not there."""
    measures: dict[Measure, np.ndarray | None] = dict.fromkeys(ROUTING + CONTRIBUTION)
    measures[measure] = np.asarray(strengths, float)
    measures |= {name: np.asarray(values, float) for name, values in (more or {}).items()}
    names = NAMES[: len(strengths)]
    return RealityCheck(names, tuple(n.upper() for n in names), (), "outcome", measures, {})


def ranking(places: Sequence[float | None] | np.ndarray, rater: str = "one", record: str = "r") -> Ranking:
    given = {name: place for name, place in zip(NAMES, places, strict=False) if place is not None}
    return Ranking(rater, record, given)


def the(found: RaterStudy, measure: Measure = "shapley") -> MeasureAgreement:
    return next(item for item in found.measures if item.measure == measure)


def pooled(found: RaterStudy, measure: Measure = "shapley") -> Estimate:
    estimate = the(found, measure).pooled
    assert estimate is not None
    return estimate


@pytest.mark.parametrize(
    ("places", "strengths", "expected"),
    [
        # All three pairs in the same order; all three reversed.
        ([1, 2, 3], [0.5, 0.3, 0.2], 1.0),
        ([1, 2, 3], [0.2, 0.3, 0.5], -1.0),
        # (a, b) and (a, c) hold, (b, c) does not: (2 - 1) / 3.
        ([1, 2, 3], [0.5, 0.2, 0.3], 1 / 3),
        # b and c share a place: 2 of 2 pairs hold, over the root of 2 untied pairs times 3.
        ([1, 2, 2], [0.5, 0.2, 0.3], 2 / math.sqrt(6)),
        # Tied on both sides, in different pairs: (a, b) and (a, c) untied here, (a, c) and (b, c) there. Only (a, c)
        # is untied in both, and it holds: 1 / root(2 times 2).
        ([1, 2, 2], [0.5, 0.5, 0.1], 1 / 2),
        # c was not ranked: it ties with nobody and comes last.
        ([1, 2, None], [0.5, 0.3, 0.2], 1.0),
        # b, c and d were not ranked: a before all three, of 6 pairs 3 are untied here: 3 / root(3 times 6).
        ([1, None, None, None], [0.4, 0.3, 0.2, 0.1], 3 / math.sqrt(18)),
        # A contribution that lowers the risk is as strong as one that raises it.
        ([1, 2, 3], [-5.0, 4.0, 1.0], 1.0),
        # Places need not be without gaps.
        ([10, 20, 70], [0.5, 0.3, 0.2], 1.0),
    ],
)
def test_tau_by_counting_pairs(places: list[float | None], strengths: list[float], expected: float) -> None:
    assert tau(ranking(places), check(strengths), "shapley") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("places", "strengths"),
    [
        ([1, 1, 1], [0.5, 0.3, 0.2]),
        ([None, None, None], [0.5, 0.3, 0.2]),
        ([1, 2, 3], [0.5, 0.5, 0.5]),
        ([1, 2], [0.7, 0.3]),
    ],
    ids=["one place for all", "nothing ranked", "an even measure", "two modalities"],
)
def test_where_there_is_nothing_to_rank_tau_is_undefined_and_counted(
    places: list[float | None], strengths: list[float]
) -> None:
    assert tau(ranking(places), check(strengths), "shapley") is None
    found = study(
        [ranking(places), ranking([1, 2, 3], record="s")], {"r": check(strengths), "s": check([0.5, 0.3, 0.2])}
    )
    assert (the(found).undefined, the(found).asked) == (1, 2)
    assert (pooled(found).value, pooled(found).count) == (1.0, 1)


def test_tied_places_share_the_mean_of_what_they_take_up() -> None:
    np.testing.assert_array_equal(order({"a": 1, "b": 2, "c": 2}, NAMES[:5]), [1, 2.5, 2.5, 4.5, 4.5])


def test_a_measure_that_the_model_lacks_is_left_out_and_routing_comes_first() -> None:
    record = check([3.0, -2.0, 1.0], more={"weight": [0.2, 0.3, 0.5]})
    found = study([ranking([1, 2, 3])], {"r": record})
    assert [item.measure for item in found.measures] == ["weight", "shapley"]
    assert [pooled(found, m).value for m in ("weight", "shapley")] == pytest.approx([-1.0, 1.0])
    assert tau(ranking([1, 2, 3]), record, "gate") is None


def test_means_of_raters_and_of_all() -> None:
    """one: 1 and -1; two: 1/3 on the first record only. Pooled: (1 - 1 + 1/3) / 3."""
    checks = {"r": check([0.5, 0.3, 0.2]), "s": check([0.2, 0.3, 0.5])}
    rankings = [ranking([1, 2, 3]), ranking([1, 2, 3], record="s"), ranking([1, 3, 2], rater="two")]
    found = study(rankings, checks)
    own = {name: estimate.value for name, estimate in the(found).by_rater.items() if estimate}
    assert own == pytest.approx({"one": 0.0, "two": 1 / 3})
    assert pooled(found).value == pytest.approx(1 / 9)
    assert pooled(found).count == 3
    assert (found.raters, found.records, found.small) == (("one", "two"), ("r", "s"), True)


def test_a_bootstrap_of_equal_taus_has_no_width_and_of_unequal_ones_it_has() -> None:
    checks = {f"r{k}": check([0.5, 0.3, 0.2]) for k in range(4)}
    rows = [ranking([1, 2, 3], rater, record) for rater in ("one", "two", "three") for record in checks]
    still = pooled(study(rows, checks))
    assert (still.value, still.low, still.high, still.resampled) == (1.0, 1.0, 1.0, "raters and records")
    rows[0] = ranking([3, 2, 1], "one", "r0")
    moved = pooled(study(rows, checks))
    assert moved.low is not None
    assert moved.high is not None
    assert moved.value == pytest.approx(10 / 12)
    assert moved.low < moved.value < moved.high == 1.0


def test_which_clusters_are_drawn_anew() -> None:
    """Two records with taus 1 and -1: a draw of two is -1, 0 or 1, each end in a quarter of the draws."""
    checks = {"r": check([0.5, 0.3, 0.2]), "s": check([0.2, 0.3, 0.5])}
    records = pooled(study([ranking([1, 2, 3]), ranking([1, 2, 3], record="s")], checks))
    assert (records.low, records.high, records.resampled) == (-1.0, 1.0, "records")
    rows = [ranking([1, 2, 3]), ranking([3, 2, 1], rater="two")]
    raters_only = pooled(study(rows, checks))
    assert (raters_only.low, raters_only.high, raters_only.resampled) == (-1.0, 1.0, "raters")
    alone = pooled(study(rows[:1], checks))
    assert (alone.value, alone.low, alone.high, alone.resampled) == (1.0, None, None, "")


@pytest.mark.parametrize("second", [[3, 2, 1], [1, 2, 3]], ids=["it is the rater", "it is the record"])
def test_with_both_drawn_anew_either_alone_can_turn_the_result(second: list[float]) -> None:
    """Taus of 1 and -1 in rows or in columns: a draw holds only the one or only the other in a quarter of the cases."""
    by_record = second == [1, 2, 3]
    checks = {"r": check([0.5, 0.3, 0.2]), "s": check([0.2, 0.3, 0.5] if by_record else [0.5, 0.3, 0.2])}
    rows = [ranking([1, 2, 3], "one", record) for record in checks]
    rows += [ranking(second, "two", record) for record in checks]
    found = pooled(study(rows, checks))
    assert (found.value, found.low, found.high, found.resampled) == (0.0, -1.0, 1.0, "raters and records")


def test_raters_and_records_that_never_met_leave_the_interval_finite() -> None:
    checks = {"r": check([0.5, 0.3, 0.2]), "s": check([0.2, 0.3, 0.5])}
    found = pooled(study([ranking([1, 2, 3]), ranking([1, 2, 3], rater="two", record="s")], checks))
    assert (found.value, found.low, found.high) == (0.0, -1.0, 1.0)


def test_the_same_seed_gives_the_same_study_and_another_one_another() -> None:
    checks = {f"r{k}": check(np.random.default_rng(k).random(5)) for k in range(6)}
    rows = [ranking(np.random.default_rng(k).permutation(5) + 1.0, record=f"r{k}") for k in range(6)]
    assert study(rows, checks) == study(rows, checks)
    assert study(rows, checks) != study(rows, checks, seed=1)


def test_chance_of_perfect_agreement_on_three_modalities_is_a_third() -> None:
    """Of six ways to deal three names two give a tau of 1 or -1."""
    chance = the(study([ranking([1, 2, 3])], {"r": check([0.5, 0.3, 0.2])})).chance
    assert chance is not None
    assert chance.p == pytest.approx(1 / 3, abs=0.03)
    assert (chance.low, chance.high) == (-1.0, 1.0)


def test_chance_of_perfect_agreement_on_many_is_as_small_as_the_draws_allow() -> None:
    checks = {f"r{k}": check(np.arange(8.0)[::-1]) for k in range(5)}
    rows = [ranking(np.arange(1.0, 9.0), record=record) for record in checks]
    agreed = the(study(rows, checks, draws=999)).chance
    assert agreed is not None
    assert agreed.p == agreed.adjusted == pytest.approx(1 / 1000)
    opposed = the(study([ranking(np.arange(8.0, 0.0, -1), record=record) for record in checks], checks)).chance
    assert opposed is not None
    assert opposed.p < 0.001
    assert -0.5 < agreed.low < 0 < agreed.high < 0.5


def test_rankings_dealt_at_random_are_rarely_called_agreement() -> None:
    """Under chance p is below 0.1 in a tenth of studies: between 2 and 20 of 100 in all but one in a thousand runs."""
    rng, small = np.random.default_rng(5), 0
    for _ in range(100):
        checks = {f"r{k}": check(rng.random(4)) for k in range(5)}
        rows = [ranking(rng.permutation(4) + 1.0, record=record) for record in checks]
        chance = the(study(rows, checks, draws=199)).chance
        small += chance is not None and chance.p < 0.1
    assert 2 <= small <= 20


def test_raters_who_only_repeat_each_other_add_no_evidence() -> None:
    checks = {f"r{k}": check(np.random.default_rng(k).random(5)) for k in range(4)}
    one = [ranking(np.random.default_rng(50 + k).permutation(5) + 1.0, record=f"r{k}") for k in range(4)]
    ten = [Ranking(f"{k}", item.record, item.places) for k in range(10) for item in one]
    single, crowd = the(study(one, checks)).chance, the(study(ten, checks)).chance
    assert single is not None
    assert crowd is not None
    assert (crowd.p, crowd.low, crowd.high) == pytest.approx((single.p, single.low, single.high))


def test_holm_over_the_measures() -> None:
    """Two measures with a perfect order of eight, one with none: the smallest p counts three times, the next twice."""
    more: dict[Measure, Numbers] = {
        "weight": np.arange(8.0)[::-1],
        "gate": [0.4, 0.7, 0.3, 0.6, 0.5, 0.2, 0.8, 0.1],
    }
    checks = {f"r{k}": check(np.arange(8.0)[::-1], more=more) for k in range(3)}
    found = study([ranking(np.arange(1.0, 9.0), record=record) for record in checks], checks, draws=999)
    tests = {item.measure: item.chance for item in found.measures if item.chance}
    assert tests["weight"].adjusted == tests["shapley"].adjusted == pytest.approx(3 / 1000)
    assert tests["gate"].adjusted == tests["gate"].p > 0.05


def test_holm_by_hand_and_as_statsmodels_has_it() -> None:
    """Sorted 0.01, 0.02, 0.04, 0.5 times 4, 3, 2, 1: 0.04, 0.06, 0.08, 0.5; none below one before it, none above 1."""
    assert raters.holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx((0.08, 0.04, 0.5, 0.06))
    assert raters.holm([0.3, 0.31, 0.9]) == pytest.approx((0.9, 0.9, 0.9))
    assert raters.holm([0.6, 0.7]) == (1.0, 1.0)
    assert raters.holm([]) == ()
    found = np.random.default_rng(1).random(9) ** 3
    assert raters.holm(found.tolist()) == pytest.approx(multipletests(found, method="holm")[1])


def test_alpha_of_the_published_example() -> None:
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", examples C and D: four observers, twelve units,
    missing values; ordinal alpha 0.815. The twelfth unit has one value and is not counted."""
    nan = math.nan
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
    found = alpha([[None if math.isnan(value) else np.array([value]) for value in row] for row in table])
    assert found.estimate is not None
    assert round(found.estimate.value, 3) == 0.815
    assert (found.raters, found.units, found.missing) == (4, 11, "")
    # Another value in one cell is another alpha.
    table[0][0] = 4
    spoilt = alpha([[None if math.isnan(value) else np.array([value]) for value in row] for row in table]).estimate
    assert spoilt is not None
    assert spoilt.value < 0.8


@pytest.mark.parametrize(("second", "expected"), [([1, 3, 2], 7 / 12), ([3, 2, 1], -2 / 3), ([1, 2, 3], 1.0)])
def test_alpha_by_hand(second: list[float], expected: float) -> None:
    """Two raters, three modalities, the first says 1, 2, 3.

    Second 1, 3, 2: units (1, 1), (2, 3), (3, 2). Each unit of two values enters its pair both ways, so the
    coincidences are o11 = 2, o23 = o32 = 2; every value occurs n = 2 times, 6 in all.
    Ordinal distances: d(1, 2) = (2 + 2 - 4/2)^2 = 4 = d(2, 3); d(1, 3) = (2 + 2 + 2 - 4/2)^2 = 16.
    Observed: (2 + 2) 4 / 6 = 16/6. Expected: 2 (2 2 4 + 2 2 4 + 2 2 16) / (6 5) = 6.4. Alpha: 1 - 16 / (6 6.4) = 7/12.
    Second 3, 2, 1: o13 = o31 = o22 = 2, observed (2 + 2) 16 / 6, alpha 1 - 64 / (6 6.4) = -2/3.
    """
    found = alpha([[np.array([1.0, 2.0, 3.0])], [np.array(second, float)]])
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(expected)
    assert (found.estimate.low, found.estimate.high, found.estimate.resampled) == (None, None, "")


def test_alpha_of_full_agreement_has_no_width_and_of_less_it_has() -> None:
    rows = [[np.array([1.0, 2, 3]), np.array([3.0, 1, 2]), np.array([2.0, 3, 1, 4])] for _ in range(3)]
    still = alpha(rows).estimate
    assert still is not None
    assert (still.value, still.low, still.high) == (1.0, 1.0, 1.0)
    rows[0][1] = np.array([1.0, 3, 2])
    moved = alpha(rows).estimate
    assert moved is not None
    assert moved.low is not None
    assert moved.high is not None
    assert moved.low < moved.value < moved.high


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[np.array([1.0, 2, 3]), None]], raters.NOBODY_SHARES),
        ([[np.array([1.0, 2, 3]), None], [None, np.array([1.0, 2, 3])]], raters.NOBODY_SHARES),
        ([[np.array([2.0, 2, 2])], [np.array([2.0, 2, 2])]], raters.NO_VARIATION),
    ],
)
def test_where_alpha_cannot_be_had_the_reason_is_given(rows: list[list[np.ndarray | None]], reason: str) -> None:
    found = alpha(rows)
    assert found.estimate is None
    assert found.missing == reason


def test_largest_disagreements_come_first() -> None:
    """one puts c first and a last, the model a first: two places apart both; b stands in the middle for both."""
    checks = {"r": check([0.5, 0.3, 0.2]), "s": check([0.5, 0.5, 0.5])}
    found = disagreements(
        [ranking([3, 2, 1]), ranking([1, 2, 2], "two"), ranking([1, 2, 3], record="s")], checks, "shapley"
    )
    assert [(d.rater, d.modality, d.place, d.model_place, d.gap) for d in found] == [
        ("one", "a", 3.0, 1.0, -2.0),
        ("one", "c", 1.0, 3.0, 2.0),
        ("two", "b", 2.5, 2.0, -0.5),
        ("two", "c", 2.5, 3.0, 0.5),
    ]


@pytest.mark.parametrize(
    ("rankings", "message"),
    [
        ([], "none"),
        ([ranking([1, 2, 3]), ranking([3, 2, 1])], "twice: one on r"),
        ([ranking([1, 2, 3], record="elsewhere")], "elsewhere"),
        ([ranking([1, 2, 3, 4])], "a place for d"),
        ([ranking([1, math.nan, 3])], "no number for b"),
    ],
)
def test_bad_rankings_are_refused(rankings: list[Ranking], message: str) -> None:
    with pytest.raises(InputError, match=message):
        study(rankings, {"r": check([0.5, 0.3, 0.2])})


places = st.lists(st.integers(1, 5), min_size=3, max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_chance_is_dealt_from_is_kendalls_tau(data: st.DataObject) -> None:
    """The matrix whose inner products make the distribution of chance gives the same taus as scipy."""
    one = np.array(data.draw(places), float)
    two = np.array(data.draw(st.lists(st.integers(1, 5), min_size=len(one), max_size=len(one))), float)
    product = float((raters._pairs(one) * raters._pairs(two)).sum())
    assert product == pytest.approx(kendall(one, two) or 0.0, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_study_stays_within_its_bounds(data: st.DataObject) -> None:
    records = data.draw(st.integers(1, 3))
    sizes = [data.draw(st.integers(1, 5)) for _ in range(records)]
    level = st.floats(-3, 3)
    checks = {f"{k}": check(data.draw(st.lists(level, min_size=n, max_size=n))) for k, n in enumerate(sizes)}
    rows = [
        ranking(data.draw(st.lists(st.none() | st.integers(1, n), min_size=n, max_size=n)), f"rater {r}", f"{k}")
        for r in range(data.draw(st.integers(1, 3)))
        for k, n in enumerate(sizes)
    ]
    found = study(rows, checks, draws=50)
    for item in found.measures:
        assert 0 <= item.undefined <= item.asked == len(rows)
        assert (item.pooled is None) == (item.chance is None) == (item.undefined == item.asked)
        for estimate in (item.pooled, *item.by_rater.values()):
            if estimate is not None:
                assert -1 - 1e-9 <= estimate.value <= 1 + 1e-9
                assert (estimate.low is None) == (estimate.high is None) == (estimate.resampled == "")
        if item.chance is not None:
            assert 0 < item.chance.p <= item.chance.adjusted <= 1
            assert -1 - 1e-9 <= item.chance.low <= item.chance.high <= 1 + 1e-9
    assert (found.alpha.estimate is None) == bool(found.alpha.missing)
