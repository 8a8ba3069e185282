"""Charted values: what the model carries forward, what was never charted, what lay outside its limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from amfn.encoders import SeriesEncoder
from amfn.types import Channel, Finding, ModalitySpec, Record, RecordMeta, Schema
from app import charted

RATE = Channel("HR", "bpm", 10, 300, "Heart rate")
LACTATE = Channel("Lactate", "mmol/L", 0.1, 40, "Lactate", (0.5, 2))
FLAG = Channel("MechVent", "0/1", 0, 1, "Mechanical ventilation", flag=True)
TOY = Schema(
    "toy",
    (
        ModalitySpec("heart", "series", (RATE,), label="Heart", steps=6),
        ModalitySpec("labs", "series", (LACTATE, FLAG), label="Laboratory", steps=6),
    ),
    ("death",),
)
NAN = float("nan")


def stay(heart: list[float], times: tuple[float, ...] = (), rates: tuple[float, ...] = ()) -> tuple[Record, Record]:
    """A record with these charted rates, and the grid of hours that the model reads."""
    raw = _record({"chart": np.array(rates, np.float32)[:, None]}, {"chart": (RATE,)}, {"chart": np.array(times)})
    steps = len(heart)
    grids = {"heart": np.array(heart, np.float32)[:, None], "labs": np.full((steps, 2), np.nan, np.float32)}
    hours = np.arange(steps, dtype=float)
    channels = {spec.name: spec.channels for spec in TOY.modalities}
    return raw, _record(grids, channels, {"heart": hours, "labs": hours})


def _record(
    values: dict[str, np.ndarray], channels: dict[str, tuple[Channel, ...]], hours: dict[str, np.ndarray]
) -> Record:
    observed = {name: ~np.isnan(array) for name, array in values.items()}
    return Record("1", "toy", channels, values, observed, hours, {}, RecordMeta("toy"))


def test_a_value_is_carried_to_the_next_measurement_and_to_the_end_but_not_back() -> None:
    _, prepared = stay([NAN, 80, NAN, NAN, 90, NAN])
    np.testing.assert_array_equal(charted.carried(prepared, "heart", 0), [[2, 4, 80], [5, 6, 90]])
    assert charted.carried(prepared, "labs", 0).shape == (0, 3), "never measured: nothing to carry"


def test_nothing_is_carried_where_every_hour_has_a_measurement() -> None:
    _, prepared = stay([70, 71, 72, 73, 74, 75])
    assert len(charted.carried(prepared, "heart", 0)) == 0


@given(st.lists(st.one_of(st.just(NAN), st.integers(20, 200).map(float)), min_size=2, max_size=48))
def test_what_is_drawn_as_carried_is_what_the_encoder_carries(heart: list[float]) -> None:
    _, prepared = stay(heart)
    values = torch.tensor(heart)[None, :, None]
    seen = ~torch.isnan(values)
    carry, _ = SeriesEncoder.carry(values.nan_to_num(), seen, torch.ones(1, len(heart), dtype=torch.bool))
    drawn = np.full(len(heart), np.nan)
    for start, end, value in charted.carried(prepared, "heart", 0):
        drawn[int(start) : int(end)] = value
    since_first = np.maximum.accumulate(seen[0, :, 0].numpy())
    unseen = ~seen[0, :, 0].numpy()
    np.testing.assert_allclose(drawn[since_first & unseen], carry[0, :, 0].numpy()[since_first & unseen])
    assert np.isnan(drawn[~(since_first & unseen)]).all(), "neither a measurement nor what came before the first"


def test_charted_points_are_in_the_order_of_their_times() -> None:
    raw, prepared = stay([70, NAN, 72, NAN, NAN, NAN], (2.5, 0.2, 50.0), (72, 70, 99))
    heart, lactate = charted.charted(raw, prepared, TOY, 48)
    assert heart.hours.tolist() == [0.2, 2.5], "after the window nothing is drawn"
    assert heart.values.tolist() == [70, 72]
    np.testing.assert_array_equal(heart.carried, [[1, 2, 70], [3, 6, 72]])
    assert len(lactate.values) == 0


def test_hourly_panels_carry_too() -> None:
    _, prepared = stay([70, NAN, 72, NAN, NAN, NAN])
    effect = np.arange(6, dtype=np.float32)[:, None]
    heart, _ = charted.hourly(prepared, TOY, {"heart": effect})
    assert heart.attribution is not None
    assert heart.attribution.tolist() == [0, 2]
    np.testing.assert_array_equal(heart.carried, [[1, 2, 70], [3, 6, 72]])


def test_whole_modalities_and_single_variables_that_are_missing_stand_apart() -> None:
    raw, prepared = stay([70] * 6, (0.5,), (70,))
    panels = charted.charted(raw, prepared, TOY, 48)
    assert charted.never_charted(panels) == (["Laboratory"], {})
    both = [replace(panel, group="Heart") for panel in panels]
    assert charted.never_charted(both) == ([], {"Heart": ["Lactate"]})
    assert charted.never_charted([]) == ([], {})


def test_limits_name_their_unit_and_count_what_was_dropped() -> None:
    raw, prepared = stay([70] * 6, (0.5,), (70,))
    panels = charted.charted(raw, prepared, TOY, 48)
    found = (
        Finding("HR", "outside 10 to 300 bpm: taken as unobserved", 2, "warning"),
        Finding("Lactate", "outside 0.1 to 40 mmol/L: taken as unobserved", 1, "warning"),
        Finding("HR", "unknown (-1)", 5),
    )
    heart, lactate = charted.limits(panels, found)
    assert (heart.unit, heart.reference, heart.accepted, heart.measured, heart.dropped) == (
        "bpm",
        "",
        "10 to 300",
        1,
        2,
    )
    assert (lactate.reference, lactate.measured, lactate.dropped) == ("0.5 to 2", 0, 1)
    assert charted.dropped_text([heart, lactate]) == (
        "3 values lay outside their accepted limits and are not drawn: Heart rate 2 (accepted 10 to 300 bpm), "
        "Lactate 1 (accepted 0.1 to 40 mmol/L)."
    )
    assert charted.dropped_text([lactate]).startswith("1 value lay outside its accepted limits and is not drawn")
    assert (
        charted.dropped_text(charted.limits(panels, found[2:]))
        == "No charted value was dropped as implausible; values outside the reference range are drawn."
    )
