"""How much of the model's window can be used: known answers on planted faults, the same for screen and report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amfn.types import Record
from amfn.waves import seen_s, usable_seen, usable_within
from tests.documents import ALARM, STAY, model, record

END_S = 300.0


def spoilt(seconds: float, leads: slice) -> Record:
    """The simulated alarm with its last seconds before the alarm flat in some ECG leads."""
    whole = record(ALARM)
    ecg = whole.values["ecg"].copy()
    at = whole.hours["ecg"] * 3600
    ecg[(at >= END_S - seconds) & (at < END_S + 10), leads] = 0.1
    return replace(whole, values={**whole.values, "ecg": ecg})


def test_a_clean_window_can_be_used_and_a_flat_half_of_all_leads_is_half_lost() -> None:
    clean = usable_within(record(ALARM), "ecg", END_S - 16, END_S)
    assert (clean.share, clean.kinds) == (1.0, ())
    assert clean.said == "2 leads, 100 % usable"
    half = usable_within(spoilt(8, slice(None)), "ecg", END_S - 16, END_S)
    assert half.share == pytest.approx(0.5, abs=0.05)
    assert "flat" in half.kinds
    assert half.said.startswith("2 leads, 5") or half.said.startswith("2 leads, 4")
    assert set(half.stretches) == {"ECG II", "ECG V"}
    for stretches in half.stretches.values():
        assert stretches[-1].stop_s == pytest.approx(END_S)


def test_the_best_lead_counts_and_what_spoils_the_other_is_still_said() -> None:
    one = usable_within(spoilt(8, slice(0, 1)), "ecg", END_S - 16, END_S)
    assert one.share == 1.0
    assert one.kinds == ("flat",)
    assert one.said == "2 leads, 100 % usable (flat)"


def test_the_window_is_the_models_and_a_paragraph_gets_its_numbers() -> None:
    task, whole = model("icu_alarm").task, spoilt(8, slice(None))
    prepared = task.prepare(whole)
    assert seen_s(prepared, task.schema) == pytest.approx((END_S - 16, END_S))
    seen = usable_seen(whole, prepared, task.schema)
    assert set(seen.usable) == {"ecg", "abp", "resp"}
    told = seen.told(["ecg", "alarm"])
    assert told["seen_s"] == pytest.approx(16.0)
    share, why = told["usable"]["ecg"]
    assert share == usable_within(whole, "ecg", seen.start_s, seen.stop_s).share
    assert "flat" in why
    assert seen.told([]) == {}


def test_a_stay_has_no_waveform_to_judge() -> None:
    task, whole = model("icu_mortality").task, record(STAY)
    assert usable_seen(whole, task.prepare(whole), task.schema).told() == {}


def test_clipping_is_called_clipped() -> None:
    whole = record(ALARM)
    ecg = whole.values["ecg"].copy()
    at = whole.hours["ecg"] * 3600
    ecg[(at >= END_S - 8) & (at < END_S - 5)] = float(np.nanmax(ecg)) + 0.5
    found = usable_within(replace(whole, values={**whole.values, "ecg": ecg}), "ecg", END_S - 16, END_S)
    assert found.share < 0.95
    assert {"clipped", "flat"} & set(found.spoilt_by)
    assert "saturated" not in found.said
