"""From attributions to panels and tables: one number a step, sizes, observations that were not made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amfn.types import Channel, ModalitySpec, Record, RecordMeta, Schema
from app import charted

HR, SAT = Channel("HR", "bpm", 0, 300), Channel("Sat", "%", 0, 100)
TOY = Schema("toy", (ModalitySpec("vitals", "series", (HR, SAT), label="Vitals", steps=3),), ("yes",))


def toy(rows: Sequence[Sequence[float]]) -> Record:
    values = np.array(rows, np.float32)
    return Record(
        "r", "r", {"vitals": (HR, SAT)}, {"vitals": values}, {"vitals": ~np.isnan(values)},
        {"vitals": np.arange(3.0)}, {}, RecordMeta("toy"),
    )  # fmt: skip


def test_one_number_a_step_stands_at_every_value_of_it_and_is_not_listed_by_value() -> None:
    record = toy([[80, np.nan], [90, 97], [np.nan, 98]])
    weights = {"vitals": np.array([[0.2], [0.3], [0.5]], np.float32)}

    first, second = charted.hourly(record, TOY, weights)

    assert first.attribution is not None
    assert second.attribution is not None
    np.testing.assert_allclose(first.attribution, [0.2, 0.3])
    np.testing.assert_allclose(second.attribution, [0.3, 0.5])
    assert charted.influences(record, TOY, weights, 9) == []


def test_observations_that_were_not_made_are_listed_as_such_and_not_among_the_values() -> None:
    record = toy([[80, np.nan], [90, 97], [np.nan, np.nan]])
    effect = {"vitals": np.array([[0.2, -0.7], [0.3, 0.0], [0.4, 0.5]], np.float32)}
    missing = {"vitals": np.array([[False, True], [False, False], [True, True]])}

    found = charted.unmade(record, TOY, effect, missing, 9)

    assert [(i.title, i.when, i.value) for i in found] == [
        ("Sat", "around hour 0", "not measured"),
        ("HR", "around hour 2", "not measured"),
    ]
    assert [i.value for i in charted.influences(record, TOY, effect, 9)] == ["90 bpm", "80 bpm"]
    assert len(charted.unmade(record, TOY, effect, missing, 1)) == 1


def test_sizes_are_shared_out_only_where_there_are_any() -> None:
    shared = charted.shared_out(np.array([1.0, np.nan, 3.0]))
    assert shared is not None
    np.testing.assert_allclose(shared, [0.25, np.nan, 0.75])
    assert charted.shared_out(np.array([0.0, np.nan])) is None
