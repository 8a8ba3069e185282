"""Measurements over time on the Cohort page, over an audit of three simulated patients with attributions."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from app import cohort_channels_view, cohort_data, cohort_measures, text
from app import cohort_words as page_words
from app.cohort_data import Filters
from audit import Settings, run_audit
from benchmarks import simulated_audit
from tests.app.screen import charts, words
from tests.app.test_cohort_page import MODEL, STAYS, filtered, show, stored


@pytest.fixture(autouse=True)
def kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits that the page makes are kept here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("AMFN_DATA", raising=False)


def test_without_attributions_the_page_says_how_to_get_them(tmp_path: Path) -> None:
    simulated_audit.write(tmp_path / "audit", 20, MODEL)
    at = show(stored(tmp_path / "audit"), "channels")
    assert page_words.NO_ATTRIBUTIONS in words(at)
    assert "--attributions integrated_gradients" in page_words.NO_ATTRIBUTIONS


@pytest.fixture(scope="module")
def attributed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of three simulated patients, with attributions."""
    place = tmp_path_factory.mktemp("attributed")
    folder = place / "stays"
    folder.mkdir()
    for name in ("900001.txt", "900002.txt", "900003.txt"):
        shutil.copy(STAYS / name, folder / name)
    run_audit(MODEL, [folder], place / "audit", Settings(methods=("integrated_gradients", "temporal_attention")))
    return place / "audit"


def asked(folder: Path, sql: str) -> list[tuple[float, ...]]:
    with duckdb.connect() as connection:
        found = connection.execute(sql.format(attributions=f"read_parquet('{folder}/attributions/*.parquet')"))
        return found.fetchall()


def test_channels_over_time_are_those_of_the_audit(attributed: Path) -> None:
    at = show(stored(attributed), "channels")
    said = words(at)
    ((worst, above),) = asked(
        attributed,
        "select max(gap), count(distinct record_id) filter (gap > 0.05::float) from {attributions} "
        "where method = 'integrated_gradients'",
    )
    assert "Integrated Gradients, 3 of 3 records." in said
    assert f"In {above} of 3 records the attributions miss" in said
    assert f"the largest is {100 * worst:.0f} %" in said
    assert len(charts(at)) == 2
    (heat,) = charts(at)[0]["data"]
    opened = cohort_data.opened(str(attributed))
    found = cohort_measures.over_time(opened, Filters(), "integrated_gradients")
    assert found is not None
    modality, channel = found.named[0]
    for column in (0, 5):
        ((mean,),) = asked(
            attributed,
            f"select avg(size) from {{attributions}} where method = 'integrated_gradients' and bin = {column} "
            f"and modality = '{modality}' and channel = '{channel}'",
        )
        assert heat["z"][0][column] == pytest.approx(mean, abs=1e-6)
    assert len(heat["z"]) == cohort_channels_view.LISTED
    assert f"The other {len(found.named) - cohort_channels_view.LISTED} share" in said
    axis = charts(at)[0]["layout"]["xaxis"]["ticktext"]
    assert (axis[0], axis[-1]) == ("0\N{EN DASH}8 h", "stated once")


def test_channels_follow_the_filter_and_show_their_sign_when_asked(attributed: Path) -> None:
    opened = cohort_data.opened(str(attributed))
    at = show(stored(attributed), "channels")
    first = float(opened.columns["risk"].min())
    filters = Filters(risk=(0.0, float(np.ceil(100 * first))))
    left = len(cohort_measures.rows(opened, filters))
    assert 0 < left < 3
    filtered(at, opened, filters)
    assert f"{left} of {left} records." in words(at)
    kept = at.session_state["kept"]
    at.session_state["kept"] = kept | {cohort_channels_view.WHAT: "value"}
    at.run()
    (heat,) = charts(at)[0]["data"]
    assert heat["zmin"] < 0
    at.session_state["kept"] = kept | {cohort_channels_view.METHOD: "temporal_attention"}
    at.run()
    assert text.UNSIGNED in words(at)
    assert len(charts(at)) == 1
    assert not at.exception
