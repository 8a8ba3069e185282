"""Debrief statistics on cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.types import InputError
from teaching import Trial, debrief, ranking_agreement
from teaching.debrief import mean_places

# Two people, two records. r1: it happened and the model said 0.9; r2: it did not and the model said 0.8 (wrong).
HAND = (
    Trial("ann", "r1", before=0.2, after=0.6, model=0.9, outcome=1),  # wrong, model right, mended
    Trial("ann", "r2", before=0.4, after=0.7, model=0.8, outcome=0),  # right, model wrong, misled
    Trial("bob", "r1", before=0.3, after=0.3, model=0.9, outcome=1),  # wrong, model right, stayed wrong
    Trial("bob", "r2", before=0.1, after=0.2, model=0.8, outcome=0),  # right, model wrong, stayed right
)


def test_scores_by_hand() -> None:
    found = debrief(HAND)
    # (0.64 + 0.16 + 0.49 + 0.01) / 4; (0.16 + 0.49 + 0.49 + 0.04) / 4; (0.01 + 0.64) / 2
    assert found.before == pytest.approx(0.325)
    assert found.after == pytest.approx(0.295)
    assert found.model == pytest.approx(0.325)
    assert found.change == pytest.approx(-0.03)
    assert (found.learners, found.trials, found.paired, found.sideless) == (2, 4, 4, 0)


def test_reliance_by_hand() -> None:
    found = debrief(HAND)
    # All four began on the other side than the model; ann moved to its side twice, bob never.
    assert (found.switched.count, found.switched.of, found.switched.value) == (2, 4, 0.5)
    assert (found.rair.count, found.rair.of) == (1, 2)
    assert (found.rsr.count, found.rsr.of) == (1, 2)


def test_an_estimate_on_neither_side_takes_no_part_and_is_counted() -> None:
    found = debrief([*HAND, Trial("cat", "r1", before=0.5, after=0.9, model=0.9, outcome=1)])
    assert found.sideless == 1
    assert found.switched.of == 4
    assert found.paired == 5


def test_the_side_is_where_the_lesson_says() -> None:
    # At 15 %: everybody but bob on r2 (before) is on the side "it happens".
    found = debrief(HAND, side=0.15)
    assert (found.switched.count, found.switched.of) == (1, 1)
    assert (found.rsr.count, found.rsr.of) == (0, 1)
    assert found.rair.of == 0


def test_what_was_not_revised_counts_before_only() -> None:
    found = debrief([HAND[0], Trial("bob", "r1", 0.3, None, 0.9, 1)])
    assert (found.trials, found.paired) == (2, 1)
    assert found.brier_all == pytest.approx((0.64 + 0.49) / 2)
    assert found.before == pytest.approx(0.64)


def test_nothing_to_count_is_none_with_a_reason() -> None:
    found = debrief([])
    assert found.before is found.after is found.model is found.change is found.low is found.brier_all is None
    for share in (found.switched, found.rair, found.rsr):
        assert share.value is None
        assert share.reason
    agreeing = debrief([Trial("ann", "r1", 0.8, 0.9, 0.9, 1)])
    assert agreeing.switched.value is None
    assert agreeing.rair.value is None


def test_the_interval_draws_learners_and_not_answers() -> None:
    # Within a learner everything is the same, so that only drawing learners can spread: -0.18, 0, +0.18 or between. All
    # three draws are of one learner with 1/27, which is more than 2.5 %.
    rows = []
    for k in range(20):
        rows.append(Trial("down", f"r{k}", before=0.6, after=0.5**0.5 * 0.6, model=0.9, outcome=0))
        rows.append(Trial("up", f"r{k}", before=0.3, after=(0.09 + 0.18) ** 0.5, model=0.9, outcome=0))
        rows.append(Trial("same", f"r{k}", before=0.3, after=0.3, model=0.9, outcome=0))
    found = debrief(rows)
    assert found.change == pytest.approx(0.0, abs=1e-12)
    assert found.low == pytest.approx(-0.18)
    assert found.high == pytest.approx(0.18)
    assert debrief(rows) == found
    assert (found.resampled, found.no_interval) == (3, "")


def test_one_or_two_people_have_no_interval_and_it_is_said() -> None:
    for rows in ([HAND[0]], HAND):
        found = debrief(rows)
        assert found.change is not None
        assert found.low is found.high is None
        assert found.no_interval == "no interval: fewer than 3 people"
    # A third who did not revise adds nothing that could be drawn.
    found = debrief([*HAND, Trial("cat", "r1", 0.3, None, 0.9, 1)])
    assert (found.learners, found.resampled, found.low) == (3, 2, None)


def test_an_undecided_model_is_on_nobodys_side() -> None:
    undecided = Trial("cat", "r3", before=0.2, after=0.7, model=0.61, outcome=1, undecided=True)
    found, without = debrief([*HAND, undecided]), debrief(HAND)
    assert (found.undecided, found.sideless, without.undecided) == (1, 0, 0)
    assert (found.switched, found.rair, found.rsr) == (without.switched, without.rair, without.rsr)
    # The estimates themselves are scored.
    assert found.paired == 5
    assert found.after == pytest.approx((4 * 0.295 + 0.09) / 5)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from([0, 1])), max_size=12))
def test_shares_and_scores_stay_in_bounds(rows: list[tuple[float, float, float, int]]) -> None:
    trials = [Trial(f"l{k % 3}", f"r{k}", b, a, m, y) for k, (b, a, m, y) in enumerate(rows)]
    found = debrief(trials, draws=50)
    for share in (found.switched, found.rair, found.rsr):
        assert 0 <= share.count <= share.of <= len(trials)
    # Who differed from the model was wrong where it was right, or the other way round.
    assert found.rair.of + found.rsr.of == found.switched.of
    if found.low is not None and found.high is not None:
        assert -1 <= found.low <= found.high <= 1


@pytest.mark.parametrize(
    ("before", "after", "model", "outcome"),
    [(40, None, 0.5, 1), (0.4, -0.1, 0.5, 1), (0.4, 0.1, 5, 1), (0.4, 0.1, 0.5, 2)],
)
def test_percent_for_shares_is_refused(before: float, after: float | None, model: float, outcome: int) -> None:
    with pytest.raises(InputError):
        Trial("ann", "r1", before, after, model, outcome)


def test_a_learner_twice_on_a_record_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        debrief([HAND[0], HAND[0]])
    with pytest.raises(InputError, match="side"):
        debrief(HAND, side=1.0)


def test_rankings_against_sizes_by_hand() -> None:
    contributions = {"a": -3.0, "b": 2.0, "c": 1.0}
    assert ranking_agreement([("a", "b", "c")], contributions).mean == pytest.approx(1.0)
    assert ranking_agreement([("c", "b", "a")], contributions).mean == pytest.approx(-1.0)
    # One swap of neighbours: two pairs agree, one does not.
    assert ranking_agreement([("b", "a", "c")], contributions).mean == pytest.approx(1 / 3)
    # a first, b and c tied: tau-b = 2 / sqrt(3 * 2).
    assert ranking_agreement([("a",)], contributions).mean == pytest.approx(2 / 6**0.5)
    both = ranking_agreement([("a", "b", "c"), ("c", "b", "a"), ()], contributions)
    assert (both.mean, both.defined, both.rankings) == (0.0, 2, 3)
    assert ranking_agreement([()], contributions).mean is None


@pytest.mark.parametrize("ranking", [("a", "a"), ("x",)])
def test_a_ranking_of_something_else_is_refused(ranking: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="ranking"):
        ranking_agreement([ranking], {"a": 1.0, "b": 2.0})


def test_mean_places_by_hand() -> None:
    places = mean_places([("a", "b", "c"), ("c",)], ("a", "b", "c"))
    # c alone: a and b share places 2 and 3.
    assert places == pytest.approx([(1 + 2.5) / 2, (2 + 2.5) / 2, (3 + 1) / 2])
    assert np.isnan(mean_places([], ("a",))).all()
