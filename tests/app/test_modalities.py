"""The modality strip: every number is the model's or the record's own, and what is missing has none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from app import modalities, services
from app.modalities_view import HEADS
from app.text import signed
from tests.app.screen import ids, open_app, sample, words

STAY = "900005"


@pytest.mark.parametrize("task", ["icu_mortality", "icu_alarm"])
def test_each_row_holds_the_numbers_of_the_analysis(task: str) -> None:
    for record_id in ids(task)[:6]:
        opened = sample(task, record_id)
        a, full = opened.analysis, opened.analysis.full
        assert full.gates is not None
        assert full.weights is not None
        for k, row in enumerate(modalities.rows(opened)):
            assert (row.name, row.recorded is None) == (a.names[k], not a.present[k])
            if row.recorded is None:
                assert (row.shapley, row.gate, row.weight) == (None, None, None)
                continue
            assert row.shapley == a.shapley[k]
            assert row.gate == full.gates[k]
            assert row.weight == full.weights[k]
            assert 0 <= row.recorded.share <= 1


def test_hours_and_values_are_counted() -> None:
    opened = sample("icu_mortality", STAY)
    seen = opened.prepared.observed["heart_rate"]
    row = next(row for row in modalities.rows(opened) if row.name == "heart_rate")
    assert row.recorded is not None
    assert row.recorded.said.startswith(f"{np.count_nonzero(seen.any(axis=1))} of 48 hours, {seen.sum()} hourly value")


def test_a_flat_lead_is_not_usable_and_the_other_one_of_its_modality_still_is() -> None:
    opened = sample("icu_alarm", ids("icu_alarm")[0])
    record, alarm = opened.record, opened.record.meta.alarm
    assert alarm is not None
    end = alarm.hours * 3600
    before = modalities.waveform_quality(record, "ecg", end - 16, end)
    values = dict(record.values)
    values["ecg"] = values["ecg"].copy()
    values["ecg"][:, 0] = 0.1
    one_flat = modalities.waveform_quality(replace(record, values=values), "ecg", end - 16, end)
    assert "flat" in one_flat.kinds
    values["ecg"] = np.full_like(values["ecg"], 0.1)
    both = modalities.waveform_quality(replace(record, values=values), "ecg", end - 16, end)
    assert both.share < 0.1 <= one_flat.share <= before.share + 1e-9
    assert "flat" in both.said


@pytest.mark.parametrize("task", ["icu_mortality", "icu_alarm"])
def test_the_table_says_what_is_missing_and_gives_every_column_its_meaning(task: str) -> None:
    listed = services.listing(services.sample_folder(task), task)
    record_id = next(r for r in listed.ids if services.case(listed, r).analysis.missing)
    opened = services.case(listed, record_id)
    said = words(open_app(task=task, record=record_id))
    table = re.search(r'<table class="fs-modalities">.*?</table>', said, re.DOTALL)
    assert table
    rows = re.findall(r"<tr.*?</tr>", table[0])[1:]
    assert len(rows) == len(opened.analysis.names)
    for row, name in zip(modalities.rows(opened), rows, strict=True):
        if row.shapley is None:
            assert "not recorded" in name
            assert "%" not in re.sub(r"style=\"[^\"]*\"", "", name)
        else:
            assert f"{signed(row.shapley)} <small>" in name
    for head in HEADS[1:]:
        assert f"**{head}**" in said
