"""What stands beside an estimate, on networks and calibration records whose answers are known by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from amfn.calibration import Calibration
from amfn.checkpoint import Member, save_checkpoint
from amfn.fusion.ensemble import Ensemble
from app import text
from tests.app.screen import charts, ids, open_app, sample, words
from tests.cohorts import stays, tiny_model

RECORD = 0
NETWORKS = (-2.0, -1.0, 0.0, 1.0, -3.0)  # their mean is -1
SUBGROUP = [200, 30, [0.8, 0.7, 0.9], None, 0.15, [0.15, 0.1, 0.21]]
CARD = "# A card\n\n![Plot](calibration.svg)\n\nEnd\n"
Place = Callable[..., str]


def calibration(zero: Sequence[float], one: Sequence[float], pattern: int) -> Calibration:
    logits = np.array([*zero, *one], np.float32)
    labels = np.array([0] * len(zero) + [1] * len(one), np.uint8)
    folds = (np.arange(len(logits)) % 5).astype(np.uint8)
    return Calibration(1.0, 0.0, logits, labels, np.full(len(logits), pattern, np.int32), folds, 8)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Write a mortality model of constant networks, use it, and return the id of the record to open."""
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(tmp_path))
    monkeypatch.delenv("AMFN_DATA", raising=False)

    def write(
        zero: Sequence[float] = (),
        one: Sequence[float] = (),
        networks: Sequence[float] = NETWORKS,
        pattern: int | None = None,
        provenance: dict[str, object] | None = None,
    ) -> str:
        member = Member(Ensemble([tiny_model(z) for z in networks]), stays(6).fit_normaliser(range(6)))

        def save(found: Calibration | None) -> None:
            save_checkpoint(tmp_path / "icu_mortality", member, provenance or {}, CARD, [], found)

        save(None)
        record_id = ids("icu_mortality")[RECORD]
        present = sample("icu_mortality", record_id).analysis.present
        own = int((present * (1 << np.arange(8))).sum())
        if zero:
            save(calibration(zero, one, own if pattern is None else pattern))
        return record_id

    return write


def ladder(count: int, start: float) -> list[float]:
    return [start + k for k in range(count)]


def opened(record_id: str) -> AppTest:
    at = open_app(task="icu_mortality", record=record_id)
    assert not at.exception
    assert not at.error
    return at


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def chance(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_the_spread_of_the_networks_is_labelled_as_such(place: Place) -> None:
    at = opened(place(ladder(200, -100), ladder(200, -100)))
    shown = metrics(at)
    assert shown["Chance of death in hospital"] == f"{100 * chance(-1):.0f} %"
    assert shown["How far the 5 networks differ"] == f"{100 * chance(-3):.1f} to {100 * chance(1):.1f} %"
    assert "not a confidence interval" in words(at)
    bar = charts(at)[0]["data"]
    assert next(trace["x"] for trace in bar if trace["name"] == "networks") == pytest.approx([chance(-3), chance(1)])


def test_what_became_of_similar_records(place: Place) -> None:
    """400 records, the 40 nearest to -1 in chance: 30 of outcome 0 at about -1, 10 of outcome 1."""
    at = opened(place([-1.0] * 30 + ladder(170, -300), [-1.0] * 10 + ladder(190, 100)))
    assert metrics(at)["Observed at similar estimates"] == "25.0 %"
    said = words(at)
    assert "10 of 40 training records with an estimate of 26.9 % to 26.9 %: “Died in hospital”." in said
    assert "95 % interval 12.7 to 41.2 %" in said
    assert "base rate (30 %)" in at.metric[0].delta
    ring = next(trace for trace in charts(at)[0]["data"] if trace["name"] == "observed")
    assert ring["x"] == [0.25]


@pytest.mark.parametrize(
    ("zero", "one", "heading", "reason"),
    [
        (ladder(50, -25), ladder(50, -25), "Both outcomes possible", "More than 10 % of comparable records"),
        (
            ladder(50, -100),
            ladder(50, 100),
            "Neither outcome fits",
            "records with either outcome had an estimate this far",
        ),
        (ladder(50, -25), ladder(50, 100), "Only “Survived to discharge” remains", "“Died in hospital” had so low"),
        (ladder(50, -100), ladder(50, -25), "Only “Died in hospital” remains", "to discharge” had so high"),
        (ladder(50, -25), ladder(8, -25), "Not answered", "8 had the event, and 9 are needed"),
    ],
)
def test_every_kind_of_set_in_plain_words(
    place: Place, zero: list[float], one: list[float], heading: str, reason: str
) -> None:
    said = words(opened(place(zero, one)))
    assert f"**{heading}**" in said
    assert reason in said


def test_a_smaller_error_rate_is_more_cautious_and_stays_chosen(place: Place) -> None:
    """One of 19 records of outcome 1 lies below: p = 2 / 20. 14 are enough at 20 %, too few at 5 %."""
    record_id = place(ladder(100, -50), [-5.0, *ladder(18, 50)])
    at = opened(record_id)
    assert at.segmented_control(key="error_rate").value == 0.1
    at.segmented_control(key="error_rate").set_value(0.2).run()
    assert "**Only “Survived to discharge” remains**" in words(at)
    assert "At most 20 %" in words(at)
    at.segmented_control(key="error_rate").set_value(0.05).run()
    assert "**Not answered**" in words(at)
    at = at.switch_page("pages/model.py").run()
    assert at.segmented_control(key="error_rate").value == 0.05


def test_records_of_another_pattern_do_not_count(place: Place) -> None:
    assert "no training record has just the same data recorded" in words(
        opened(place(ladder(50, -25), ladder(50, -25), pattern=1 << 2))
    )


def test_without_calibration_and_with_one_network_nothing_is_made_up(place: Place) -> None:
    at = opened(place(networks=(-1.0,)))
    assert metrics(at)["How far networks differ"] == metrics(at)["Observed at similar estimates"] == "not known"
    said = words(at)
    assert text.ONE_NETWORK in said
    assert said.count(text.NO_CALIBRATION) == 2
    assert {trace["name"] for trace in charts(at)[0]["data"]} == {"scale", "risk", "risk marker"}
    at = at.switch_page("pages/model.py").run()
    assert not at.exception
    assert not charts(at)


def test_the_model_page_shows_what_was_stored(place: Place) -> None:
    provenance = {
        "seed": 3,
        "out_of_fold": {"subgroups": {"Sex": {"Female": SUBGROUP}}},
        "removal": {"curve": [[0.0, 0.9, 0.8, 0.95], [0.5, 0.7, 0.6, 0.8]]},
    }
    place(ladder(60, -60), ladder(60, -20), provenance=provenance)
    at = open_app("model", task="icu_mortality")
    assert not at.exception
    assert not at.error
    drawn = [{trace["name"] for trace in figure["data"]} for figure in charts(at)]
    assert drawn[0] == {"agreement", "records"}
    assert "acting on the model" in drawn[1]
    assert "AUROC" in drawn[2]
    tables = [frame.value for frame in at.dataframe]
    coverage = next(table for table in tables if "Set holds the outcome" in table)
    assert coverage["Recorded"].tolist()[:2] == ["all records"] * 2
    assert coverage["Outcome"].tolist()[:2] == ["Survived to discharge", "Died in hospital"]
    assert coverage["Records"].tolist()[:2] == ["60", "60"]
    parts = next(table for table in tables if "Subgroup" in table)
    assert parts.iloc[0].tolist() == [
        "Sex: Female", "200", "30", "0.800 (0.700 to 0.900)", "15.0 %", "15.0 % (10.0 to 21.0)", "too few",
    ]  # fmt: skip
    settings = next(table["Setting"].tolist() for table in tables if "seed" in table.to_numpy())
    assert not any(name.startswith(("out of fold", "removal")) for name in settings)
    said = words(at)
    assert "# A card" in said
    assert "calibration.svg" not in said, "the page draws the plot itself"
    assert metrics(at)["Networks"] == "5"
