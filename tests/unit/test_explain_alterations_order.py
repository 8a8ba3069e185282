"""What no patient can have together: found where an alteration made it, with its hours, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.readers.channels import CHALLENGE2012
from amfn.types import Channel, Record, RecordMeta
from explain.alterations import SetValue, ShiftValues, TakeOut, apply_all
from explain.alterations_order import DESCENDING, out_of_order

SYS, MEAN, DIAS = (
    Channel(name, "mmHg", 5, 350, title)
    for name, title in (("SysABP", "Systolic pressure"), ("MAP", "Mean pressure"), ("DiasABP", "Diastolic pressure"))
)
NAN = math.nan
HOURS = np.array([1.0, 2.0, 3.0, 4.5, 6.0])


def stay(rows: list[list[float]], channels: tuple[Channel, ...] = (SYS, MEAN, DIAS)) -> Record:
    chart = np.array(rows, np.float32)
    return Record(
        "s1", "s1.txt", {"chart": channels}, {"chart": chart}, {"chart": ~np.isnan(chart)}, {"chart": HOURS}, {},
        RecordMeta("toy"),
    )  # fmt: skip


NORMAL = stay([[120, 90, 70], [118, 88, 68], [NAN, NAN, NAN], [122, NAN, 72], [160, 100, 80]])


def test_systolic_shifted_below_mean_and_diastolic_is_found_with_its_hours() -> None:
    altered = ShiftValues("chart", SYS, -50, 0, 48).apply(NORMAL)
    (mean,) = out_of_order(altered, NORMAL)
    assert (mean.upper, mean.lower, mean.count) == (SYS, MEAN, 2)
    assert mean.stretches == ((1.0, 2.0),), "72 over 72 and 110 over 100 may be"
    assert mean.words() == (
        "Systolic pressure below Mean pressure, which cannot be: 2 times, 01:00 to 02:00 (hours:minutes)."
    )


def test_the_ends_of_a_chain_are_compared_where_its_middle_was_not_charted() -> None:
    altered = ShiftValues("chart", SYS, -60, 4, 5).apply(NORMAL)
    (found,) = out_of_order(altered, NORMAL)
    assert (found.upper, found.lower, found.count, found.stretches) == (SYS, DIAS, 1, ((4.5, 4.5),))
    assert found.words().endswith("which cannot be: once, 04:30 (hours:minutes).")


def test_below_mean_and_diastolic_at_once_is_told_once() -> None:
    altered = SetValue("chart", SYS, 1.0, 50).apply(NORMAL)
    (found,) = out_of_order(altered, NORMAL)
    assert (found.lower, found.count) == (MEAN, 1)


def test_equal_values_may_stand_together() -> None:
    altered = SetValue("chart", SYS, 1.0, 90).apply(NORMAL)
    assert out_of_order(altered, NORMAL) == ()
    assert len(out_of_order(SetValue("chart", SYS, 1.0, 89.9).apply(NORMAL), NORMAL)) == 1


def test_what_the_record_itself_had_wrong_is_not_blamed_on_the_alteration() -> None:
    odd = stay([[60, 90, 70], [118, 88, 68], [NAN] * 3, [NAN] * 3, [160, 100, 80]])
    assert out_of_order(odd, odd) == ()
    altered = ShiftValues("chart", MEAN, 5, 0, 48).apply(odd)
    assert out_of_order(altered, odd) == ()
    (found,) = out_of_order(ShiftValues("chart", MEAN, 40, 0, 48).apply(odd), odd)
    assert found.stretches == ((2.0, 2.0),)


def test_belonging_values_moved_together_and_values_taken_out_are_in_order() -> None:
    together = [ShiftValues("chart", channel, -40, 0, 48) for channel in (SYS, MEAN, DIAS)]
    assert out_of_order(apply_all(NORMAL, together), NORMAL) == ()
    assert out_of_order(apply_all(NORMAL, together[:1]), NORMAL) != ()
    assert out_of_order(TakeOut("chart", MEAN, 0, 48).apply(NORMAL), NORMAL) == ()


def test_without_a_mean_the_two_others_are_compared() -> None:
    record = stay([[120, 70]] * 5, (SYS, DIAS))
    (found,) = out_of_order(ShiftValues("chart", SYS, -60, 2, 3).apply(record), record)
    assert (found.lower, found.stretches) == (DIAS, ((2.0, 3.0),))


def test_many_stretches_are_counted_and_not_all_listed() -> None:
    hours = np.arange(12.0)
    values = np.array([[120, 90, 70]] * 12, np.float32)
    record = Record(
        "s1", "s1.txt", {"chart": (SYS, MEAN, DIAS)}, {"chart": values}, {"chart": ~np.isnan(values)},
        {"chart": hours}, {}, RecordMeta("toy"),
    )  # fmt: skip
    altered = apply_all(record, [SetValue("chart", SYS, float(h), 85) for h in range(0, 10, 2)])
    (found,) = out_of_order(altered, record)
    assert found.words().endswith("5 times, 00:00, 02:00, 04:00 and 2 more stretches (hours:minutes).")


@given(st.lists(st.integers(-60, 200), min_size=5, max_size=5))
def test_found_are_exactly_the_hours_that_are_wrong(shifts: list[int]) -> None:
    record = stay([[120, 90, NAN]] * 5)
    changes = [SetValue("chart", SYS, float(h), 120.0 + s) for h, s in zip(HOURS, shifts, strict=True) if s]
    found = out_of_order(apply_all(record, changes), record)
    wrong = [float(h) for h, s in zip(HOURS, shifts, strict=True) if 120 + s < 90]
    assert sum(item.count for item in found) == len(wrong)
    told = [h for item in found for a, b in item.stretches for h in HOURS if a <= h <= b]
    assert told == wrong


@pytest.mark.parametrize("chain", DESCENDING)
def test_the_table_names_channels_that_readers_know(chain: tuple[str, ...]) -> None:
    assert set(chain) <= set(CHALLENGE2012)
    assert len({CHALLENGE2012[name].unit for name in chain}) == 1
