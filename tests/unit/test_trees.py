"""Summary features by hand, what cannot leak through them, and models that find a planted effect."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amfn.classical import (
    SummaryTable,
    cross_fitted,
    gradient_boosted_trees,
    linear_model,
    summary_features,
    with_removed_copies,
)
from amfn.types import Channel, InputError, ModalitySpec, Schema
from tests.cohorts import stays

NAN = np.nan
CHART = ModalitySpec("chart", "series", (Channel("hr", "bpm", 0, 300), Channel("temp", "°C", 20, 45)), steps=6)
PERSON = ModalitySpec("person", "static", (Channel("age", "years", 0, 120),))
SCHEMA = Schema("toy", (CHART, PERSON), ("died",))
RATE = 125.0
ECG = Schema("toy", (ModalitySpec("ecg", "waveform", (Channel("ii", "mV", -5, 5),), RATE, steps=2000),), ("true",))


def columns(table: SummaryTable, channel: str) -> dict[str, float]:
    """Statistic -> value of the first record."""
    at = [k for k, name in enumerate(table.names) if name.startswith(f"{channel}:")]
    return {table.names[k].split(":")[1]: float(table.x[0, k]) for k in at}


def one_stay() -> dict[str, np.ndarray]:
    chart = np.array([[[NAN, NAN], [60, NAN], [80, NAN], [NAN, NAN], [100, NAN], [NAN, NAN]]], np.float32)
    return {"chart": chart, "person": np.array([[[70.0]]], np.float32)}


def test_series_features_by_hand() -> None:
    found = columns(summary_features(SCHEMA, one_stay()), "hr")
    expected = {
        "mean": 80, "min": 60, "max": 100, "deviation": np.sqrt(800 / 3), "count": 3,
        "first": 60, "last": 100, "change": 40, "since_last": 1,
        "mean_1": 60, "min_1": 60, "max_1": 60, "deviation_1": 0, "count_1": 1,
        "mean_2": 80, "min_2": 80, "max_2": 80, "deviation_2": 0, "count_2": 1,
        "mean_3": 100, "min_3": 100, "max_3": 100, "deviation_3": 0, "count_3": 1,
    }  # fmt: skip
    assert found == pytest.approx(expected)
    assert columns(summary_features(SCHEMA, one_stay()), "age") == {"value": 70}


def test_what_was_never_measured_is_nan_and_counted_as_such() -> None:
    found = columns(summary_features(SCHEMA, one_stay()), "temp")
    counts = {name: value for name, value in found.items() if name.startswith("count")}
    assert set(counts.values()) == {0.0}
    assert all(np.isnan(value) for name, value in found.items() if name not in counts)


def test_removing_a_modality_equals_never_having_had_it() -> None:
    cohort = stays(12)
    schema = cohort.task.schema
    table = summary_features(schema, cohort.values)
    assert len(table.names) == len(table.modality_of) == table.x.shape[1]
    keep = np.ones((12, len(schema.names)), bool)
    keep[:, schema.names.index("labs")] = False
    without = summary_features(schema, {**cohort.values, "labs": np.full_like(cohort.values["labs"], NAN)})
    np.testing.assert_array_equal(table.keeping(keep, schema.names), without.x)
    assert not np.array_equal(table.x, without.x, equal_nan=True)


def test_a_record_is_blind_to_the_others() -> None:
    cohort = stays(9)
    whole = summary_features(cohort.task.schema, cohort.values).x
    part = summary_features(cohort.task.schema, cohort.rows([4, 2]).values).x
    np.testing.assert_array_equal(part, whole[[4, 2]])


def test_a_missing_or_too_wide_modality_is_refused() -> None:
    with pytest.raises(InputError, match="'person' is missing"):
        summary_features(SCHEMA, {"chart": one_stay()["chart"]})
    with pytest.raises(InputError, match=r"'person' is of shape \(1, 1, 2\)"):
        summary_features(SCHEMA, {**one_stay(), "person": np.zeros((1, 1, 2), np.float32)})


def ecg(beats_s: list[float]) -> np.ndarray:
    """A 16 s trace f32[1, 2000, 1] with narrow beats at these times and little noise."""
    at = np.arange(2000) / RATE
    trace = sum(np.exp(-(((at - beat) / 0.02) ** 2)) for beat in beats_s)
    return (trace + np.random.default_rng(0).normal(0, 0.005, 2000))[None, :, None].astype(np.float32)


def test_beats_of_an_even_rhythm_and_of_a_pause() -> None:
    even = columns(summary_features(ECG, {"ecg": ecg(list(np.arange(0.5, 16, 0.8)))}), "ii")
    assert even["beats"] == 20
    assert even["interval_median"] == pytest.approx(0.8, abs=0.01)
    assert even["interval_max"] < 0.9
    pause = columns(summary_features(ECG, {"ecg": ecg([*np.arange(0.5, 9, 0.8), 15.0])}), "ii")
    assert pause["interval_max"] == pytest.approx(15.0 - 8.5, abs=0.05)
    assert pause["last_gap"] == pytest.approx(1.0, abs=0.05)


def test_a_waveform_knows_what_came_before_its_window() -> None:
    """A trace at a tenth of its former height has relative quantiles a tenth as wide; its beats are still beats."""
    trace = ecg(list(np.arange(0.5, 16, 0.8)))
    before = np.array([[[0.0], [1.0]]], np.float32)
    usual = columns(summary_features(ECG, {"ecg": trace}, {"ecg": before}), "ii")
    faint = columns(summary_features(ECG, {"ecg": trace / 10}, {"ecg": before}), "ii")
    assert faint["relative_0.99"] == pytest.approx(usual["relative_0.99"] / 10, rel=0.01)
    assert faint["beats"] == usual["beats"]
    unknown = columns(summary_features(ECG, {"ecg": trace}, {"ecg": np.full((1, 2, 1), NAN)}), "ii")
    assert unknown == pytest.approx(columns(summary_features(ECG, {"ecg": trace}), "ii"), nan_ok=True)


def test_an_unrecorded_lead_is_all_nan_and_a_gap_is_not() -> None:
    nothing = np.full((1, 2000, 1), NAN, np.float32)
    assert np.isnan(summary_features(ECG, {"ecg": nothing}).x).all()
    gap = ecg([4.0, 8.0])
    gap[:, 500:600] = NAN
    found = columns(summary_features(ECG, {"ecg": gap}), "ii")
    assert found["observed"] == pytest.approx(0.95)
    assert np.isfinite(list(found.values())).all()


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray]:
    """400 rows: column 0 raises the chance, a tenth of everything is missing, column 3 always."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 4)).astype(np.float32)
    y = (draw.random(400) < 1 / (1 + np.exp(-2 * x[:, 0]))).astype(np.float32)
    x[draw.random(x.shape) < 0.1] = NAN
    x[:, 3] = NAN
    return x, y


def test_trees_and_logistic_regression_find_a_planted_effect(planted: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = planted
    half = np.arange(400) < 200
    for model in (gradient_boosted_trees(x[half], y[half], "binary", 0), linear_model(x[half], y[half], "binary", 0)):
        assert roc_auc_score(y[~half], model.decision_function(x[~half])) > 0.75


def test_trees_and_ridge_regression_predict_numbers(planted: tuple[np.ndarray, np.ndarray]) -> None:
    x, _ = planted
    y = np.nan_to_num(x[:, 0]) * 3 + 1
    for made in (gradient_boosted_trees, linear_model):
        guess = made(x[:300], y[:300], "regression", 0).predict(x[300:])
        assert ((guess - y[300:]) ** 2).mean() < 0.3 * y.var()


def test_a_seed_repeats_itself_and_another_differs(planted: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = planted
    first, again, other = (gradient_boosted_trees(x, y, "binary", s).decision_function(x) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_one_class_is_refused() -> None:
    for made in (gradient_boosted_trees, linear_model):
        with pytest.raises(InputError, match="all of one class"):
            made(np.zeros((5, 1)), np.ones(5), "binary", 0)


def test_copies_lose_whole_modalities_and_nothing_else() -> None:
    x = np.arange(4000, dtype=np.float32).reshape(1000, 4)
    more, labels = with_removed_copies(x, np.arange(1000.0), ["a", "a", "b", "b"], seed=0, share=0.3, copies=2)
    np.testing.assert_array_equal(more[:1000], x)
    np.testing.assert_array_equal(labels, np.tile(np.arange(1000.0), 3))
    gone = np.isnan(more[1000:])
    np.testing.assert_array_equal(gone[:, 0], gone[:, 1])
    np.testing.assert_array_equal(gone[:, 2], gone[:, 3])
    assert gone[:, 0].mean() == pytest.approx(0.3, abs=0.04)
    assert (gone[:, 0] != gone[:, 2]).any()
    np.testing.assert_array_equal(more[1000:][~gone], np.tile(x, (2, 1))[~gone])


def test_a_cross_fitted_teacher_has_not_seen_what_it_answers(planted: tuple[np.ndarray, np.ndarray]) -> None:
    """With labels that are pure chance a model that had seen a row would know its label."""
    x, y = planted
    chance = np.random.default_rng(1).permutation(y)
    seen = gradient_boosted_trees(x, chance, "binary", 0).predict_proba(x)[:, 1]
    unseen = cross_fitted(x, chance, seed=0, members=1)
    assert roc_auc_score(chance, seen) > 0.8
    assert roc_auc_score(chance, unseen) < 0.6
    assert roc_auc_score(y, cross_fitted(x, y, seed=0, members=1)) > 0.75
    with pytest.raises(InputError, match="2 of the rarer class"):
        cross_fitted(x[:9], np.array([1, 1, 0, 0, 0, 0, 0, 0, 0]), seed=0)
