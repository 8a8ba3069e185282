"""The Attribution page: every method with the measure of its own error, what it starts from, and whether it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from amfn.types import InputError
from app import explanations, explanations_methods, method_view, services, text
from app.explanations_methods import Choice, Slot
from app.theme import MAGNITUDE, NEGATIVE, POSITIVE
from explain.faithfulness import Curves
from explain.methods import METHODS
from explain.report import FILE
from tests.app.reports import WEIGHTS_SAID, checkpoints, report
from tests.app.screen import charts, go, ids, open_app, sample, words
from tests.record_files import RATE, write_wfdb

STAY = "icu_mortality"
ALARM = "icu_alarm"
BARE = "Time,Parameter,Value\n00:00,RecordID,{}\n00:00,Age,-1\n00:00,Gender,-1\n00:00,ICUType,-1\n00:00,Weight,-1\n"


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints(tmp_path_factory.mktemp("reported"), True)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints(tmp_path_factory.mktemp("bare"), False)


@pytest.fixture(autouse=True)
def without_report(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(bare))


@pytest.fixture
def with_report(without_report: None, reported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(reported))


def attribution(task: str, record_id: str = "", **kept: object) -> AppTest:
    """The page with these settings as last left."""
    at = open_app("fusion", task=task, **({"record": record_id} if record_id else {}))
    at.session_state["kept"] = kept
    return go(at, "attribution")


def select(at: AppTest, method: str) -> AppTest:
    return at.selectbox(key="method").set_value(method).run()


def in_order(at: AppTest) -> None:
    assert not at.exception
    assert not [e.value for e in at.error if "do not add up" not in e.value and "No better than" not in e.value]


def drawn(at: AppTest) -> str:
    """All that charts write and colour, as one text."""
    return repr(charts(at))


def test_every_method_can_be_chosen_and_says_what_it_is_before_any_chart() -> None:
    at = attribution(STAY, ids(STAY)[0])
    assert text.NOT_AUDITED in words(at)
    for name, method in METHODS.items():
        at = select(at, name)
        in_order(at)
        said = words(at)
        assert method.says in said
        assert any(s.key == "baseline" for s in at.segmented_control) == method.uses_baseline
        assert any(s.key == "ig_steps" for s in at.segmented_control) == (name == "integrated_gradients")
        found = explanations_methods.attribution(sample(STAY, ids(STAY)[0]), Choice(name), None)
        verdict = (
            text.UNSIGNED
            if not found.in_logits
            else text.NO_PROMISE
            if found.gap is None
            else "These attributions add up"
            if found.complete
            else "These attributions do not add up"
        )
        assert verdict in said
        order = [element.value for element in at.main if hasattr(element, "value")]
        assert order.index(next(v for v in order if verdict in str(v))) < order.index("##### Over the charted values")


@pytest.mark.parametrize(("task", "method"), [(STAY, "saliency"), (STAY, "temporal_attention"), (ALARM, "saliency")])
def test_sizes_without_a_sign_are_never_drawn_as_raising_or_lowering(task: str, method: str) -> None:
    word = method_view.MAGNITUDES[method]
    signed = attribution(task, ids(task)[0], method="input_x_gradient")
    assert POSITIVE[False] in drawn(signed)
    assert MAGNITUDE[False] not in drawn(signed)

    at = attribution(task, ids(task)[0], method=method)

    in_order(at)
    own = repr([f for f in charts(at) if MAGNITUDE[False] in repr(f)])
    assert own != "[]"
    assert f"{word} " in own
    for wrong in (POSITIVE[False], NEGATIVE[False], "triangle", "raises", "lowers", "log-odds"):
        assert wrong not in own
    assert f"the more {word}; it has no direction" in words(at)
    assert "Effect, log-odds" not in [column for table in at.dataframe for column in table.value.columns]


def test_a_method_that_did_not_pass_is_offered_and_marked(with_report: None) -> None:
    at = attribution(STAY, ids(STAY)[0], method="deep_lift")

    offered = at.selectbox(key="method").options
    assert "DeepLIFT (does not add up on this model)" in offered
    assert "Temporal attention (does not match what this model does, 1 more check not passed)" in offered
    assert "Integrated Gradients" in offered
    said = words(at)
    assert '<li class="failed"><b>Adds up</b> ✗ not passed</li>' in said
    assert '<li class="here"><b>Depends on the learned weights</b> ✓ passed</li>' in said
    assert WEIGHTS_SAID in said
    assert "180 of 200 records miss the change by more than 5 %" in said
    assert text.NOT_AUDITED not in said

    said = words(select(at, "saliency"))
    assert '<li class="missing"><b>Depends on the true labels</b> – no verdict</li>' in said


def test_marks_count_what_else_failed() -> None:
    found = report(STAY)
    assert method_view.label(None, "deep_lift") == "DeepLIFT"
    assert method_view.label(found, "integrated_gradients") == "Integrated Gradients"
    units = {**found.units, "labels-deep_lift": {"passed": False, "said": ""}}
    units["weights-deep_lift"] = {"passed": False, "said": ""}
    assert method_view.label(replace(found, units=units), "deep_lift") == (
        "DeepLIFT (does not add up on this model, 2 more checks not passed)"
    )
    assert method_view.label(replace(found, methods=()), "deep_lift") == "DeepLIFT"


def test_a_method_that_was_not_audited_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    found = replace(report(STAY), methods=("saliency",))
    monkeypatch.setattr(method_view, "stored_report", lambda task: found)
    at = attribution(STAY, ids(STAY)[0], method="input_x_gradient")
    in_order(at)
    assert "This method is not in the stored report" in words(at)
    assert "This method is not in the stored report" not in words(select(at, "saliency"))


def test_a_broken_report_is_said_and_the_attribution_stays(reported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = reported / STAY / FILE
    whole = file.read_text(encoding="utf-8")
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(reported))
    file.write_text("{}", encoding="utf-8")
    try:
        at = attribution(STAY, ids(STAY)[0], method="saliency")
    finally:
        file.write_text(whole, encoding="utf-8")

    assert "How to mend it" in at.error[0].value
    assert "Over the charted values" in words(at)


def test_a_method_that_does_not_fit_leaves_the_rest_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InputError("DeepLIFT", "layers that its rules do not fit", "layers used once", "Take another method.")

    monkeypatch.setattr(explanations_methods, "attribute", refuse)
    explanations_methods._attribute.clear()
    at = attribution(STAY, ids(STAY)[0], method="deep_lift")

    assert not at.exception
    assert "What came:** layers that its rules do not fit" in words(at)
    assert text.AIDS["shapley"] in words(at)
    assert "Over the charted values" not in words(at)

    at = select(at, "integrated_gradients")

    in_order(at)
    assert "Over the charted values" in words(at)


def test_baselines_are_those_at_hand_and_are_said(with_report: None) -> None:
    case = sample(STAY, ids(STAY)[0])
    at = attribution(STAY, ids(STAY)[0], method="input_x_gradient")
    control = at.segmented_control(key="baseline")
    assert control.options == list(text.BASELINES.values())
    assert text.baseline(services.baseline(case)) in words(at)

    for name, words_of in (("median", "its median over 6 training records"), ("sample", "4 other records, on average")):
        at.segmented_control(key="baseline").set_value(name).run()
        in_order(at)
        assert words_of in words(at)

    at.button(key="compare_baselines").click().run()

    in_order(at)
    stored = explanations.explanation_report(STAY)
    assert stored is not None
    choice = Choice("input_x_gradient", "sample")
    found = explanations_methods.compare_baselines(case, choice, stored.reference, ("zero", "median", "sample"))
    pairs = np.array(found.segment_tau, dtype=float)[np.triu_indices(3, 1)]
    least = float(pairs.min())
    assert f"agree least: Kendall's rank correlation {text.signed(least)}" in words(at)


def test_without_a_report_no_median_is_offered_and_one_is_refused() -> None:
    case = sample(STAY, ids(STAY)[0])
    assert explanations_methods.offered_baselines(case, None) == ("zero", "sample")
    alone = replace(case, listing=replace(case.listing, ids=case.listing.ids[:1]))
    assert explanations_methods.offered_baselines(alone, None) == ("zero",)
    with pytest.raises(InputError, match="training medians without the stored report"):
        explanations_methods.baseline(case, "median", None)
    with pytest.raises(InputError, match="no other record"):
        explanations_methods.baseline(alone, "sample", None)


def test_a_sample_never_holds_the_record_itself() -> None:
    case = sample(STAY, ids(STAY)[0])
    found = explanations_methods.baseline(case, "sample", None)
    assert len(found) == explanations_methods.SAMPLE_ROWS
    own = services.checkpoint(STAY).batch([case.prepared]).x
    assert all(not np.array_equal(found.x[name][0].numpy(), own[name][0].numpy()) for name in ("heart_rate", "labs"))


def test_what_was_not_measured_is_asked_about_and_labelled(with_report: None) -> None:
    case = sample(STAY, ids(STAY)[0])
    at = attribution(STAY, ids(STAY)[0], method="feature_ablation")
    assert not at.toggle(key="missing").disabled
    assert text.NOT_MADE not in words(at)

    at.toggle(key="missing").set_value(True).run()

    in_order(at)
    assert text.NOT_MADE in words(at)
    table = at.dataframe[-1].value
    assert len(table) == 12
    assert all(value.endswith(": not measured") for value in table["Value"])
    measured = next(
        d.value for d in at.dataframe if "Value" in d.value and not d.value["Value"].str.endswith("not measured").any()
    )
    assert len(measured) == 12
    found = explanations_methods.attribution(case, Choice("feature_ablation", missing=True), report(STAY).reference)
    assert found.missing is not None
    top = max(float(np.abs(v[found.missing[m]]).max(initial=0)) for m, v in found.values.items())
    assert table["Effect, log-odds"][0] in (text.signed(top), text.signed(-top))


def test_what_was_not_measured_takes_a_report_and_charted_data() -> None:
    at = attribution(STAY, ids(STAY)[0], method="feature_ablation", missing=True)
    assert at.toggle(key="missing").disabled
    assert text.NOT_MADE not in words(at)
    at = attribution(ALARM, ids(ALARM)[0], method="feature_ablation")
    assert not [t for t in at.toggle if t.key == "missing"]


def test_faithfulness_is_run_on_demand_kept_and_put_into_words() -> None:
    case, choice = sample(STAY, ids(STAY)[1]), Choice("input_x_gradient")
    at = attribution(STAY, ids(STAY)[1], method="input_x_gradient")
    assert explanations_methods.faithfulness(case, choice, None).result is None
    before = len(charts(at))

    at.button(key="test_faithfulness").click().run()

    in_order(at)
    found = explanations_methods.faithfulness(case, choice, None).result
    assert found is not None
    verdict, _, counts = found.said.partition(":")
    assert f"**{verdict}:**{counts}" in words(at)
    assert len(charts(at)) == before + 1
    table = at.dataframe[-1].value
    assert list(table["Measure"]) == [title for title, _ in text.MEASURES.values()]
    score = found.score("comprehensiveness", "not measured", "probability")
    assert table["Here"][0] == text.points(score.value)
    assert table["Better than"][0] == f"{score.beaten} of 5"
    ends = next(f for f in charts(at) if "segments taken out" in repr(f))["data"][-1]["y"]
    assert ends[0] == pytest.approx(case.analysis.full.risk, abs=1e-6)

    control = next(s for s in at.segmented_control if s.label == "How stretches are taken out")
    assert control.options == [text.REPLACEMENTS["not measured"], text.REPLACEMENTS["zero"]]
    at = go(go(at, "fusion"), "attribution")
    assert f"**{verdict}:**{counts}" in words(at)


def test_faithfulness_tells_how_far_it_is() -> None:
    told: list[float] = []
    case = sample(STAY, ids(STAY)[0])
    explanations_methods.measure_faithfulness(case, Choice("saliency"), None, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 3


def test_a_slot_is_filled_once() -> None:
    slot: Slot[list[int]] = Slot()
    first = slot.fill(lambda: [1])
    assert slot.fill(lambda: [2]) is first


def test_curves_become_probabilities() -> None:
    logits = np.array([0.0, np.log(3.0)])
    curves = Curves("zero", np.array([0.0, 1.0]), logits, logits[::-1], np.stack([logits, logits[::-1]]))
    deletion, insertion, mean, low, high = explanations_methods.chances(curves)
    for values, expected in (
        (deletion, [0.5, 0.75]), (insertion, [0.75, 0.5]), (mean, [0.625, 0.625]), (low, [0.5, 0.5]),
        (high, [0.75, 0.75]),
    ):  # fmt: skip
        np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize("task", [STAY, ALARM])
def test_contributions_over_time_end_where_the_shapley_bars_stand(task: str) -> None:
    case = sample(task, ids(task)[0])
    at = attribution(task, ids(task)[0], method="saliency")
    before = len(charts(at))

    at.toggle(key="w_contributions_over_time").set_value(True).run()

    in_order(at)
    assert len(charts(at)) == before + 1
    unfolding = explanations.trajectory(case, shapley=True)
    assert unfolding.found.trained_on in words(at)
    assert unfolding.unit == ("h" if task == STAY else "s before alarm")
    assert unfolding.times[-1] == (48 if task == STAY else 0)
    assert unfolding.found.shapley is not None
    here = case.analysis.present
    np.testing.assert_allclose(unfolding.found.shapley[-1][here], case.analysis.shapley[here], atol=1e-5)
    known = unfolding.where_present(unfolding.found.shapley)
    assert np.isnan(known[:, ~here]).all()
    assert unfolding.first_known == 0


def test_interactions_rows_add_up_to_the_shapley_bars() -> None:
    case = sample(STAY, ids(STAY)[0])
    at = attribution(STAY, ids(STAY)[0], method="saliency")
    assert any("pairs of modalities" in expander.label for expander in at.expander)
    cells = next(f for f in charts(at) if f["layout"]["uirevision"] == "interactions")["data"][0]["z"]
    rows = [
        sum(v for v in row if v is not None) for row, here in zip(cells, case.analysis.present, strict=True) if here
    ]
    np.testing.assert_allclose(rows, case.analysis.shapley[case.analysis.present], atol=1e-5)


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ("49:00,HR,80\n", "there is nothing to attribute"),
        ("02:00,HR,80\n", "Not tested: 1 segments"),
        ("".join(f"{hour:02d}:00,HR,80\n" for hour in range(48)), "against random orders"),
    ],
)
def test_nothing_one_modality_and_a_constant_one(
    chart: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "140001.txt").write_text(BARE.format(140001) + chart, encoding="utf-8")
    monkeypatch.setenv("AMFN_DATA", str(tmp_path))
    at = attribution(STAY, method="input_x_gradient")
    in_order(at)
    for button in [b for b in at.button if b.key == "test_faithfulness"]:
        button.click().run()
        in_order(at)
    assert said in words(at).replace("*", "")
    at.toggle(key="w_contributions_over_time").set_value(True).run()
    in_order(at)
    assert "NaN" not in drawn(at)


def test_an_alarm_whose_signals_stand_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = np.tile([[0.5, 0.8]], (302 * RATE, 1))
    write_wfdb(tmp_path, "still", still, ("II", "ABP"), comments=("Asystole", "True alarm"))
    monkeypatch.setenv("AMFN_DATA", str(tmp_path))
    at = attribution(ALARM, method="input_x_gradient")

    in_order(at)
    assert "Over the signal" in words(at)
    at = select(at, "saliency")
    in_order(at)
    assert "NaN" not in drawn(at)
