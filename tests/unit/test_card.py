"""The card and its plot: the fixed order, every figure as it was measured, nothing where nothing was measured."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from amfn import evaluation
from amfn.calibration import fit_calibration
from amfn.card import (
    PLOT,
    bins_table,
    calibration_svg,
    coverage_table,
    decision_table,
    figures_table,
    model_card,
    subgroups_table,
)
from amfn.card_words import DISCLAIMER, LIMITS, PURPOSE
from amfn.console import report_lines
from amfn.plots import LEFT, SIZE, TOP
from amfn.tasks import TASKS, get_task
from tests.cohorts import stays

ORDER = [
    "Purpose", "Population", "Data", "Performance, out of fold", "Calibration", "Subgroups", "Missing modalities",
    "Uncertainty", "Limits", "Warnings", "Training", "Reproduce these figures",
]  # fmt: skip
TASK = get_task("icu_mortality")


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "BOOTSTRAPS", 20)
        cohort = stays(120)
        chances = np.clip(0.2 + 0.4 * cohort.labels + np.random.default_rng(0).normal(0, 0.2, 120), 0.01, 0.99)
        return evaluation.as_json(evaluation.measure(cohort, chances))


@pytest.fixture(scope="module")
def provenance() -> dict[str, Any]:
    labels = np.arange(120) % 3 == 0
    logits = np.random.default_rng(0).normal(0, 1, 120) + 2 * labels
    calibration = fit_calibration(logits, labels.astype(int), np.ones((120, 8), bool), np.arange(120) % 5)
    return {
        "config": {"seed": 7}, "folds": 5, "members": 5, "data_digest": "0123456789abcdef",
        "data_arguments": "--data a", "parameters": 12345, "wall_minutes": 8.2, "device": "CPU", "threads": 1,
        "torch": "2", "lightning": "2", "peak_memory_gb": 1.5, "calibration": calibration.facts(),
        "removal": {"curve": [[0.3, 0.81, 0.79, 0.83]], "alone": {"labs": [0.7, 0.65, 0.75]}},
    }  # fmt: skip


def test_the_sections_stand_in_a_fixed_order(provenance: dict[str, Any], measured: dict[str, Any]) -> None:
    card = model_card(TASK, provenance, measured)
    assert re.findall(r"^## (.+)$", card, re.MULTILINE) == ORDER
    assert card.startswith(f"# ICU mortality: model facts\n\n**{DISCLAIMER}**")
    assert f"]({PLOT})" in card


def test_every_table_stands_in_the_card(provenance: dict[str, Any], measured: dict[str, Any]) -> None:
    card = model_card(TASK, provenance, measured)
    tables = [
        figures_table(measured),
        subgroups_table(TASK, measured),
        bins_table(measured),
        decision_table(measured),
        coverage_table(TASK, provenance["calibration"]["coverage"]),
    ]
    for table in tables:
        assert table in card
        assert len({line.count("|") for line in table.splitlines()}) == 1, "every row has every column"
    assert "| 30 % | 0.810 (0.790 to 0.830) |" in card
    assert "| Laboratory | 0.700 (0.650 to 0.750) |" in card
    assert "mean of 5 networks" in card


def test_what_was_not_measured_is_not_there(provenance: dict[str, Any], measured: dict[str, Any]) -> None:
    lacking = {k: v for k, v in provenance.items() if k not in ("calibration", "removal", "members")}
    card = model_card(TASK, lacking, measured)
    titles = re.findall(r"^## (.+)$", card, re.MULTILINE)
    assert titles == [title for title in ORDER if title not in ("Missing modalities", "Uncertainty")]
    assert "no recalibration has been applied" in card
    assert "simulated" not in card
    assert "mean of" not in card.replace("mean of 5", "").split("## Performance")[1].split("## Calibration")[0]


def test_a_set_that_was_never_given_has_no_coverage() -> None:
    assert "| 10 % | Died in hospital | 12 | 0 | too few |" in coverage_table(TASK, [[0.1, 1, 12, 0, 0]])


def test_every_task_has_its_words() -> None:
    assert PURPOSE.keys() == LIMITS.keys() == TASKS.keys()


def test_a_forecast_is_told_in_its_units(provenance: dict[str, Any]) -> None:
    row = {
        "measured": 1200,
        "rmse": [8.123, 8.0, 8.3],
        "mae": [5, 4.9, 5.1],
        "r2": [0.7, 0.68, 0.72],
        "mape": [6, 5, 7],
    }
    undefined = {"measured": 0, **{key: [None, None, None] for key in ("rmse", "mae", "r2", "mape")}}
    measured = {
        "records": 900,
        "units": {"HR": "bpm", "MAP": "mmHg"},
        "vitals": {"HR": row, "MAP": undefined},
        "targets": {"HR_1h": row, "HR_2h": row, "MAP_1h": undefined, "MAP_2h": row},
    }
    lacking = {k: v for k, v in provenance.items() if k not in ("calibration", "removal")}
    card = model_card(get_task("vitals_forecast"), lacking, measured)
    titles = re.findall(r"^## (.+)$", card, re.MULTILINE)
    assert titles == [t for t in ORDER if t not in ("Calibration", "Subgroups", "Missing modalities", "Uncertainty")]
    assert "| HR, bpm | 1,200 | 8.12 (8.00 to 8.30) | 5.00 (4.90 to 5.10) | 0.70 (0.68 to 0.72) |" in card
    assert "| MAP, mmHg | 0 | - | - | - | - |" in card
    assert "| Vital | 1h | 2h |" in card
    assert "| MAP | - | 8.12 (8.00 to 8.30) |" in card
    assert "prevalence" not in card
    printed = "\n".join(report_lines("Title", measured))
    assert "900 records" in printed
    assert re.search(r"HR, bpm +1200 +8\.12 +5\.00 +0\.70 +6\.00", printed)
    assert re.search(r"MAP, mmHg +0 +- +- +- +-", printed)


def test_the_plot_draws_every_bin_where_it_belongs(measured: dict[str, Any]) -> None:
    root = ElementTree.fromstring(calibration_svg(TASK, measured))
    name = "{http://www.w3.org/2000/svg}"
    dots = root.findall(f"{name}circle")
    assert len(dots) == len(measured["bins"]) == 10
    for dot, (_, predicted, observed, _, _) in zip(dots, measured["bins"], strict=True):
        assert float(dot.attrib["cx"]) == pytest.approx(LEFT + SIZE * predicted, abs=0.06)
        assert float(dot.attrib["cy"]) == pytest.approx(TOP + SIZE * (1 - observed), abs=0.06)
    title, described = root.find(f"{name}title"), root.find(f"{name}desc")
    assert title is not None
    assert "death in hospital" in (title.text or "")
    assert described is not None
    assert (described.text or "").count("predicted") == 10
