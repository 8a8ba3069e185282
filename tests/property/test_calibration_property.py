"""What must hold of calibration for any numbers: coverage, growth of sets, the fitted scale, exact intervals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom

from amfn.calibration import Calibration, best_scale
from amfn.conformal import enough_for
from amfn.reliability import calibration_bins, clopper_pearson

RATES = st.sampled_from([0.05, 0.1, 0.15, 0.2, 0.3])


def drawn(seed: int, each: int, apart: float = 1.5, folds: int = 5) -> Calibration:
    """Exchangeable records: `each` of both outcomes and of three patterns, whose logits differ by pattern as well."""
    draw = np.random.default_rng(seed)
    labels = np.tile(np.repeat([0, 1], each), 3).astype(np.uint8)
    patterns = np.repeat([1, 2, 3], 2 * each).astype(np.int32)
    logits = (draw.normal(0, 1, len(labels)) + apart * labels + patterns).astype(np.float32)
    return Calibration(1.0, 0.0, logits, labels, patterns, draw.integers(0, folds, len(labels)).astype(np.uint8), 2)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), rate=RATES)
def test_sets_hold_the_truth_as_often_as_promised_by_outcome_and_pattern(seed: int, rate: float) -> None:
    """New records, drawn like the calibration records. A realised error rate is Beta distributed over calibration
    draws; 1e-6 in both tails, so that a chance failure in this many trials is out of the question."""
    each = max(200, enough_for(rate))
    held, fresh = drawn(seed, each), drawn(seed + 1, 400)
    for pattern in (1, 2, 3):
        present = [bool(pattern & 1), bool(pattern & 2)]
        for label in (0, 1):
            logits = fresh.logits[(fresh.labels == label) & (fresh.patterns == pattern)]
            covered = sum(label in held.conformal_set(float(z), present, rate).labels for z in logits[:100])
            draws = np.random.default_rng(0).beta(rate * (each + 1), each + 1 - rate * (each + 1), 2000)
            least = binom.ppf(1e-6, 100, 1 - np.quantile(draws, 0.9995))
            assert covered >= least


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), rate=RATES)
def test_coverage_left_out_is_within_binomial_bounds(seed: int, rate: float) -> None:
    rows = drawn(seed, 300).coverage(rate)
    assert len(rows) == 8
    for row in rows:
        assert row.answered == row.records
        low, high = clopper_pearson(row.covered, row.answered, 1 - 1e-6)
        assert low <= 1 - rate + 0.02
        assert high >= 1 - rate - 0.02
        assert row.single + row.empty <= row.answered


@given(seed=st.integers(0, 2**31), logit=st.floats(-10, 10), pattern=st.integers(1, 3))
def test_sets_grow_as_the_error_rate_falls(seed: int, logit: float, pattern: int) -> None:
    held = drawn(seed, 100)
    present = [bool(pattern & 1), bool(pattern & 2)]
    sets = [set(held.conformal_set(logit, present, rate).labels) for rate in (0.3, 0.2, 0.1, 0.05)]
    assert all(small <= large for small, large in itertools.pairwise(sets))


@given(seed=st.integers(0, 2**31), logits=st.lists(st.floats(-20, 20), min_size=2, max_size=20))
def test_a_higher_logit_never_speaks_less_for_the_event(seed: int, logits: list[float]) -> None:
    held = drawn(seed, 60)
    values = [held.p_values(z, [True, True]) for z in sorted(logits)]
    pairs = [v for v in values if v is not None]
    assert len(pairs) == len(logits)
    assert all(a[0] >= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(pairs))
    assert all(0 < p <= 1 for pair in pairs for p in pair)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), factor=st.floats(0.3, 4), moved=st.floats(-2, 2))
def test_a_known_scale_is_recovered(seed: int, factor: float, moved: float) -> None:
    """Logits that are right, stretched by a factor and moved: T and s are what undoes it, as far as 3,000 records say;
    and the fit of stretched logits is exactly the stretched fit of the right ones."""
    draw = np.random.default_rng(seed)
    right = draw.normal(0, 1.5, 3000)
    labels = (draw.random(3000) < expit(right)).astype(int)
    plain, stretched = best_scale(right, labels), best_scale(factor * right + moved, labels)
    assert plain == pytest.approx((1, 0), abs=0.25)
    assert stretched[0] == pytest.approx(factor * plain[0], rel=1e-3)
    assert stretched[1] == pytest.approx(plain[1] - moved / stretched[0], abs=2e-3)


@given(count=st.integers(1, 500), data=st.data())
def test_exact_intervals_hold_the_share_and_mirror(count: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(0, count))
    low, high = clopper_pearson(events, count)
    assert 0 <= low <= events / count <= high <= 1
    assert clopper_pearson(count - events, count) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    # What makes it exact: at either end the tail that was seen has 2.5 %.
    if events:
        assert binom.sf(events - 1, count, low) == pytest.approx(0.025, abs=1e-6)
    if events < count:
        assert binom.cdf(events, count, high) == pytest.approx(0.025, abs=1e-6)


@given(seed=st.integers(0, 2**31), count=st.integers(10, 300))
def test_bins_share_out_all_records(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    chances = draw.random(count)
    labels = (draw.random(count) < chances).astype(int)
    bins = calibration_bins(labels, chances)
    assert sum(b.count for b in bins) == count
    assert sum(b.count * b.observed for b in bins) == pytest.approx(labels.sum())
    assert all(b.low <= b.observed <= b.high for b in bins)
