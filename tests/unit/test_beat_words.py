"""What is said of beats: a rate only where the rhythm has one, and always where nothing was found or judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amfn.waves import Beats, Silence
from app.beat_words import said

EVEN = Beats(np.arange(8.0), np.ones(7), method="NeuroKit2 R peaks")


def test_an_even_rhythm_has_its_count_and_rate() -> None:
    assert said("ECG II", EVEN) == "Beats in ECG II: 8, 60 bpm. Found by NeuroKit2 R peaks; not confirmed."


def test_the_longest_pause_and_the_pulses_beside_are_said() -> None:
    found = replace(EVEN, silent=(Silence(7.0, 9.5, False), Silence(10.0, 15.24, False)))
    text = said("ECG II", found, "ABP", replace(EVEN, peaks_s=np.arange(18.0)))
    assert "8, 60 bpm where regular; longest pause 5.2 s, from 00:00:10 to 00:00:15.2; 18 pulses in ABP." in text
    assert "2.5 s" not in text


def test_a_rhythm_that_swings_without_beats_is_no_pause() -> None:
    text = said("ECG II", replace(EVEN, silent=(Silence(53.0, 60.0, True),)))
    assert "no regular beats found from 00:00:53 to 00:01:00, where the signal swings all the same (a wide" in text
    assert "pause" not in text


def test_what_is_not_judged_is_named_and_long_lists_end() -> None:
    spans = tuple((10.0 * k, 10.0 * k + 2) for k in range(5))
    text = said("ECG II", replace(EVEN, unjudged=spans), "PLETH", replace(EVEN, peaks_s=np.ones(1), unjudged=spans[:1]))
    assert "60 bpm where regular" in text
    assert "not judged from 00:00:00 to 00:00:02 and 00:00:10 to 00:00:12 and 00:00:20 to 00:00:22 and 2 more" in text
    assert "1 pulse in PLETH (not judged from 00:00:00 to 00:00:02)" in text


@pytest.mark.parametrize(
    ("rr", "expected"),
    [
        ((1.0, 1.0), "too few for a rate"),
        ((0.4, 0.9, 0.5, 1.1, 0.6), "not regular (0.4 to 1.1 s from beat to beat), so that no rate"),
    ],
)
def test_no_rate_is_made_of_few_or_uneven_beats(rr: tuple[float, ...], expected: str) -> None:
    text = said("ECG II", replace(EVEN, rr_s=np.array(rr)))
    assert expected in text
    assert "bpm" not in text


def test_nothing_found_gives_the_reason_unless_stretches_explain_it() -> None:
    none = Beats(np.zeros(0), np.zeros(0), reason="less than 3 s of signal in this window")
    assert said("ECG II", none) == "No beats found in ECG II: less than 3 s of signal in this window."
    text = said("ECG II", replace(none, silent=(Silence(0.0, 10.0, False),)), "ABP", none)
    assert text == "No beats found in ECG II; longest pause 10.0 s, from 00:00:00 to 00:00:10; no pulse found in ABP."
