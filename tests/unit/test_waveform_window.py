"""The window on a recording: how it is written, moved and kept within the record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import window


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("1:02:03", 3723.0), ("02:05", 125.0), (" 125.5 ", 125.5), ("1,5", 1.5), ("23:00:59.9", 82859.9)]
)  # fmt: skip
def test_a_time_is_read_as_it_is_written(typed: str, seconds: float) -> None:
    assert window.seconds_of(typed) == pytest.approx(seconds)


@pytest.mark.parametrize("typed", ["", "noon", "-5", "1:2:3:4", "1:", "1e3", "٣"])
def test_what_is_no_time_is_none(typed: str) -> None:
    assert window.seconds_of(typed) is None


def test_lengths_end_with_the_whole_record_and_hold_the_one_that_is_set() -> None:
    assert window.lengths(330.0, 10.0) == [5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 330.0]
    assert window.lengths(86400.0, 7.5)[:3] == [5.0, 7.5, 10.0]
    assert window.lengths(86400.0, 10.0)[-1] == 86400.0
    assert window.lengths(3.0, 10.0) == [3.0]


@pytest.mark.parametrize(
    ("length", "zoom", "said"),
    [
        (10.0, 1.0, "10 s"),
        (30.0, 0.5, "30 s"),
        (60.0, 1.0, "1 min · overview scale"),
        (330.0, 1.0, "5 min 30 s · overview scale"),
        (86400.0, window.OVERVIEW, "24 h"),
    ],
)
def test_a_length_that_changes_the_scale_says_so(length: float, zoom: float, said: str) -> None:
    assert window.length_text(length, zoom) == said


@given(
    st.floats(-1e6, 1e6), st.floats(0.1, 1e5), st.floats(1, 1e5), st.floats(-3, 3), st.floats(0, 1e5)
)  # fmt: skip
def test_no_move_leaves_the_record(start: float, length: float, duration: float, steps: float, moment: float) -> None:
    at = window.fitted((start, length), duration)
    for moved in (at, window.stepped(at, steps, duration), window.around(moment, at, duration)):
        assert 0 <= moved[0] <= duration
        assert moved[0] + moved[1] <= duration + 1e-6
        assert moved[1] == min(length, duration)


def test_a_step_is_one_length_and_a_peak_comes_to_the_middle() -> None:
    assert window.stepped((100.0, 10.0), 1, 3600) == (110.0, 10.0)
    assert window.stepped((5.0, 10.0), -1, 3600) == (0.0, 10.0)
    assert window.around(200.0, (0.0, 10.0), 3600) == (195.0, 10.0)
