"""What is sent to the browser, so that it answers the switches of the What-if page, is what the services computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from amfn.types import InputError
from app import altering_words, text
from app.components import plotly_host, what_if
from app.figures.drawing import percent
from app.figures.fusion import nearly_even
from app.views import Analysis, Case
from tests.app.screen import go, ids, open_app, sample, words

TASKS = ("icu_mortality", "icu_alarm")
SHARES = st.floats(0, 1, allow_nan=False) | st.integers(0, 1000).map(lambda k: k / 1000)
BOUND = 300_000


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def two(task: str) -> list[Case]:
    """Of the first sample records the one that lacks most, and the one that lacks least."""
    cases = sorted((sample(task, record_id) for record_id in ids(task)[:16]), key=lambda c: len(c.analysis.missing))
    assert len(cases[-1].analysis.missing) > len(cases[0].analysis.missing)
    return [cases[-1], cases[0]]


def sent(at: AppTest) -> dict[str, Any]:
    (found,) = [element for element in at.get("bidi_component") if element.proto.component_name.endswith("what_if")]
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def page(case: Case) -> AppTest:
    at = open_app("what_if", task=case.listing.task, record=case.record.record_id)
    assert not at.exception
    assert not at.error
    return at


@pytest.mark.parametrize("task", TASKS)
def test_every_subset_arrives_as_it_was_computed(task: str) -> None:
    for case in two(task):
        a = case.analysis
        data = sent(page(case))
        got = data["subsets"]
        rows = dict(zip(got["codes"], range(len(got["codes"])), strict=True))
        size = len(a.names)

        assert [m["title"] for m in data["modalities"]] == list(a.titles)
        assert [m["here"] for m in data["modalities"]] == a.present.tolist()
        assert len(rows) == 2 ** int(a.present.sum())
        for mask in a.masks:
            fused, row = a.subset(mask.tolist()), rows[sum(1 << i for i in range(size) if mask[i])]
            here = np.flatnonzero(mask)
            assert got["number"][row].replace("\N{NO-BREAK SPACE}", " ") == text.percent(fused.risk)
            assert abs(got["risk"][row] - fused.risk) < 2e-4
            assert percent(got["risk"][row]) == percent(fused.risk)
            assert fused.gates is not None
            assert fused.weights is not None
            alpha = fused.attention_of(None, None)
            for i in here:
                assert abs(got["gates"][row][i] - fused.gates[i]) < 2e-4
                assert f"{got['gates'][row][i]:.2f}" == f"{fused.gates[i]:.2f}"
                assert percent(got["weights"][row][i]) == percent(float(fused.weights[i]))
                for j in here:
                    assert abs(got["alpha"][row][i * size + j] - alpha[i, j]) < 2e-4
                    assert percent(got["alpha"][row][i * size + j]) == percent(float(alpha[i, j]))
            even = len(here) > 1 and nearly_even(alpha[np.ix_(here, here)].ravel(), 1 / len(here))
            assert got["even"][row] == even
            assert got["sentence"][row].replace("\N{NO-BREAK SPACE}", " ") == said(a, mask)
        assert len(json.dumps(data, allow_nan=False)) < BOUND


def said(a: Analysis, mask: np.ndarray) -> str:
    off = [title for title, here, kept in zip(a.titles, a.present, mask, strict=True) if here and not kept]
    named = off[0] if len(off) == 1 else f"{', '.join(off[:-1])} and {off[-1]}" if off else ""
    if not mask.any():
        return (
            f"Without {named} nothing is left to go by; the model states its prior: the training prevalence, "
            f"{text.percent(a.base_rate)}."
        )
    if not off:
        return "Everything that was recorded is on: this is the full record, as read."
    before, after = text.percent(a.full.risk), text.percent(a.subset(mask.tolist()).risk)
    if before == after:
        return f"Without {named} the estimate stays {'' if after.startswith(('under', 'over')) else 'at '}{after}."
    return f"Without {named} the estimate is {after} instead of {before}."


@pytest.mark.parametrize(
    ("full", "other", "wanted"),
    [
        (0.004, 0.002, "stays under 1 %."),
        (0.995, 0.997, "stays over 99 %."),
        (0.182, 0.184, "stays at 18 %."),
        (0.182, 0.004, "is under 1 % instead of 18 %."),
    ],
)
def test_an_estimate_that_prints_the_same_is_not_instead_of_itself(full: float, other: float, wanted: str) -> None:
    a = sample("icu_alarm", ids("icu_alarm")[0]).analysis
    mask = a.present.copy()
    mask[np.flatnonzero(mask)[0]] = False
    changed = replace(a, risks=np.full(len(a.risks), full))
    assert what_if.sentence(changed, mask, other).endswith(f" the estimate {wanted}")


def test_two_estimates_of_the_page_have_two_names() -> None:
    """What is switched off and what is altered are told apart, and each part says that it leaves the other out."""
    at = page(two("icu_mortality")[0])
    data = sent(at)
    assert data["words"]["altered"] == "With modalities switched off" != altering_words.WITH_VALUES
    assert "As altered" not in json.dumps(data)
    assert "as altered" not in json.dumps(data)
    for sentence in (altering_words.SWITCHES_APART, altering_words.ALTER, altering_words.CROSSING_APART):
        assert sentence in words(at)
    assert altering_words.EARLIER in words(at)


@given(st.lists(SHARES, min_size=1))
def test_rounding_never_changes_what_is_printed(shares: list[float]) -> None:
    exact = np.array(shares)
    for rounded, share in zip(what_if.as_printed(exact, what_if.percent_class), shares, strict=True):
        assert percent(rounded) == percent(share)
        assert abs(rounded - share) <= 1.5e-4
        assert len(repr(rounded)) <= 6
    for rounded, share in zip(what_if.as_printed(exact, what_if.digit_class), shares, strict=True):
        assert f"{rounded:.2f}" == f"{share:.2f}"


def test_plain_rounding_would_change_it() -> None:
    assert percent(round(0.124996, 4)) != percent(0.124996)
    assert what_if.as_printed(np.array([0.124996, 0.00001, 0.99999]), what_if.percent_class) == [0.1249, 0.0001, 0.9999]


@pytest.mark.parametrize("task", TASKS)
def test_what_was_switched_off_is_sent_and_survives_a_page_change(task: str) -> None:
    case = two(task)[0]
    a = case.analysis
    at = page(case)
    assert sent(at)["off"] == []

    first = a.names[int(np.flatnonzero(a.present)[0])]
    at.session_state["kept"] = {f"on:{case.digest}": {first: False, "no_such_modality": False}}
    at = go(go(at, "model"), "what_if")
    assert sent(at)["off"] == [first]
    other = next(record_id for record_id in ids(task) if record_id != case.record.record_id)
    at.selectbox(key="w_record").set_value(other).run()
    assert sent(at)["off"] == []


def test_without_the_browsers_part_there_are_words() -> None:
    at = page(two("icu_alarm")[0])
    (found,) = [element for element in at.get("bidi_component") if element.proto.component_name.endswith("what_if")]
    assert what_if.WAIT in found.proto.html_content
    assert "Switch a modality off" in words(at)
    assert "What would have to be missing" in words(at)


def test_a_plotly_without_its_javascript_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plotly_host, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="plotly"):
        plotly_host.address()
    at = open_app("what_if", task="icu_alarm")
    assert "Install requirements.txt anew" in words(at)
    assert "What would have to be missing" in words(at)


def test_nothing_of_the_drawing_library_is_in_the_message() -> None:
    at = page(two("icu_alarm")[0])
    (found,) = [element for element in at.get("bidi_component") if element.proto.component_name.endswith("what_if")]
    assert found.proto.ByteSize() < BOUND
    assert sent(at)["plotly"].startswith("/component/")
