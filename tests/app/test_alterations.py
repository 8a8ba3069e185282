"""The What-if page: records altered by hand, and the slider back in time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from amfn.types import Channel, InputError
from app import altering, altering_words, explanations, moments, services
from app.views import Case
from explain.alterations import Alteration, SetValue, ShiftValues, TakeOut, altered_findings
from explain.alterations_waves import AddNoise, CutLead, DampLine, FlatLine
from tests.app.screen import charts, go, ids, open_app, percent, sample, words

STAY, ALARM = "900005", "sim_a001"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


@pytest.fixture(scope="module")
def stay() -> Case:
    return sample("icu_mortality", STAY)


@pytest.fixture(scope="module")
def alarm() -> Case:
    return sample("icu_alarm", ALARM)


def what_if(opened: Case) -> AppTest:
    at = open_app("what_if", task=opened.listing.task, record=opened.record.record_id)
    assert not at.exception
    assert not at.error
    return at


def key(opened: Case, part: str) -> str:
    return f"alter_{part}:{opened.digest}"


def pick(at: AppTest, opened: Case, name: str) -> tuple[str, Channel]:
    """Choose a variable of the form by its channel's name."""
    found = altering.variables(opened)
    at.selectbox(key=key(opened, "variable")).set_value([c.name for _, c in found].index(name)).run()
    return next(q for q in found if q[1].name == name)


def apply(at: AppTest, opened: Case) -> AppTest:
    return at.button(key=key(opened, "apply")).click().run()


def figure(at: AppTest, name: str) -> dict[str, Any]:
    return next(f for f in charts(at) if f["layout"].get("uirevision") == name)


def channel(opened: Case, name: str) -> tuple[str, Channel]:
    found = [*altering.leads(opened), *altering.variables(opened)]
    return next(q for q in found if q[1].name == name)


def test_a_shift_is_named_applied_and_taken_back(stay: Case) -> None:
    at = what_if(stay)
    assert altering_words.NONE_YET in words(at)
    at.segmented_control(key=key(stay, "what")).set_value(altering_words.SHIFT).run()
    modality, hr = pick(at, stay, "HR")
    at.number_input(key=key(stay, "amount_HR")).set_value(40.0).run()
    apply(at, stay)
    said = words(at)
    last = int(np.ceil(altering.points(stay.record, (modality, hr))[0][-1]))
    change = ShiftValues(modality, hr, 40.0, 0, last)
    other = altering.altered(stay, (change,))

    assert change.words() in said
    assert other.analysis.full.logit != stay.analysis.full.logit
    assert (
        f"{altering_words.WITH_VALUES} {percent(other.analysis.full.risk)} {percent(stay.analysis.full.risk)} unaltered"
        in said
    )
    pair = figure(at, "charted_pair")["data"]
    assert [trace["line"]["dash"] for trace in pair[:2]] == ["solid", "dash"]
    assert [trace["marker"]["symbol"] for trace in pair] == ["circle", "diamond", "x-thin"]
    was, now = (np.array([v for v in trace["y"] if v is not None]) for trace in pair[:2])
    assert np.allclose(now - was, 40)

    at = go(go(at, "model"), "what_if")
    assert change.words() in words(at), "kept over pages"
    at.button(key=key(stay, "remove_0")).click().run()
    assert altering_words.NONE_YET in words(at)
    assert "unaltered" not in words(at)


def test_changes_follow_one_another_and_each_can_be_taken_back(stay: Case) -> None:
    at = what_if(stay)
    modality, hr = pick(at, stay, "HR")
    hours, values = altering.points(stay.record, (modality, hr))
    at.number_input(key=key(stay, "value_HR_0")).set_value(150.0).run()
    apply(at, stay)
    at.segmented_control(key=key(stay, "what")).set_value(altering_words.OUT).run()
    _, lab = pick(at, stay, "Creatinine")
    apply(at, stay)
    first = SetValue(modality, hr, float(hours[0]), 150.0)
    last = int(np.ceil(altering.points(stay.record, (modality, lab))[0][-1]))
    second = TakeOut(modality, lab, 0, last)
    both, only = altering.altered(stay, (first, second)), altering.altered(stay, (second,))

    assert f"1. {first.words()} (was {values[0]:.5g} bpm)" in words(at)
    assert f"2. {second.words()}" in words(at)
    assert f"{altering_words.WITH_VALUES} {percent(both.analysis.full.risk)}" in words(at)
    at.button(key=key(stay, "remove_0")).click().run()
    assert first.words() not in words(at)
    assert f"1. {second.words()}" in words(at)
    assert f"{altering_words.WITH_VALUES} {percent(only.analysis.full.risk)}" in words(at)
    at.button(key=key(stay, "remove_all")).click().run()
    assert altering_words.NONE_YET in words(at)


@pytest.mark.parametrize("value", [10_000.0, -5.0])
def test_beyond_the_limits_there_is_one_message_and_nothing_is_altered(stay: Case, value: float) -> None:
    at = what_if(stay)
    pick(at, stay, "HR")
    at.number_input(key=key(stay, "value_HR_0")).set_value(value).run()
    apply(at, stay)
    (error,) = at.error
    said = error.value.replace("\\", "")
    assert f"{altering_words.NOT_APPLIED}** Heart rate: a value of {value:.5g} bpm" in said
    assert "limits of 10 to 300 bpm" in said
    assert altering_words.NONE_YET in words(at)
    assert not at.run().error, "said once"


def test_no_alteration_gives_the_record_itself(stay: Case, alarm: Case) -> None:
    for opened in (stay, alarm):
        assert altering.altered(opened, ()) is opened
        digest = opened.record.digest()
        change: Alteration = (
            ShiftValues(*channel(opened, "HR"), 5.0, 0, 48)
            if opened is stay
            else FlatLine(*altering.leads(opened)[0], 290, 300)
        )
        other = altering.altered(opened, (change,))
        assert other.record.digest() != digest == opened.record.digest()
        assert altered_findings(other.record) == altered_findings(other.prepared) != ()
        assert altered_findings(other.record)[0] in other.warnings


@pytest.mark.parametrize("record_id", ids("icu_alarm")[:4])
def test_to_cut_every_lead_of_a_modality_is_to_switch_it_off(record_id: str) -> None:
    """The same logit as without the modality: absent is absent, however it came about."""
    opened = sample("icu_alarm", record_id)
    a = opened.analysis
    for modality in {m for m, _ in altering.leads(opened)}:
        cuts = [CutLead(m, c, 0, 1e4) for m, c in altering.leads(opened) if m == modality]
        other = altering.altered(opened, cuts)
        keep = [name != modality for name in a.names]
        assert other.analysis.full.logit == pytest.approx(a.subset(keep).logit, abs=1e-4)
        assert altering.states(opened, other)[a.names.index(modality)] == "out"


def test_what_the_task_cannot_use_is_said_and_not_kept(alarm: Case) -> None:
    cuts = [CutLead(m, c, 0, 1e4) for m, c in altering.leads(alarm)]
    with pytest.raises(InputError):
        altering.altered(alarm, cuts)
    at = what_if(alarm)
    at.segmented_control(key=key(alarm, "what")).set_value(altering_words.CUT).run()
    at.number_input(key=key(alarm, "From")).set_value(0.0).run()
    for k in range(len(cuts)):
        at.selectbox(key=key(alarm, f"lead_{altering_words.CUT}")).set_value(k).run()
        apply(at, alarm)
    (error,) = at.error
    assert altering_words.NOT_APPLIED in error.value
    assert f"{len(cuts) - 1}. " in words(at)
    assert f"{len(cuts)}. " not in words(at)


def test_a_change_that_no_longer_fits_says_so_and_can_be_taken_back(stay: Case) -> None:
    """A second change that the first one made possible stands alone once the first is removed."""
    quantity = channel(stay, "HR")
    top = float(altering.points(stay.record, quantity)[1].max())
    lower, higher = ShiftValues(*quantity, -20.0, 0, 48), ShiftValues(*quantity, 310 - top, 0, 48)
    with pytest.raises(InputError):
        altering.altered(stay, (higher,))
    at = what_if(stay)
    at.session_state["kept"] = {**at.session_state["kept"], f"altered:{stay.digest}": (lower, higher)}
    at.run()
    assert not at.error
    at.button(key=key(stay, "remove_0")).click().run()
    assert len(at.error) == 1
    assert higher.words() in words(at)
    at.button(key=key(stay, "remove_0")).click().run()
    assert not at.error
    assert altering_words.NONE_YET in words(at)


def test_noise_and_damping_are_named_and_drawn_over_the_record(alarm: Case) -> None:
    at = what_if(alarm)
    at.slider(key=key(alarm, "snr")).set_value(0).run()
    at.number_input(key=key(alarm, "seed")).set_value(7).run()
    at.selectbox(key=key(alarm, "kind")).set_value("mains 60").run()
    apply(at, alarm)
    at.segmented_control(key=key(alarm, "what")).set_value(altering_words.DAMP).run()
    at.slider(key=key(alarm, "strength")).set_value(50).run()
    apply(at, alarm)
    lead, line = altering.leads(alarm)[0], next(q for q in altering.leads(alarm) if q[1].unit == "mmHg")
    changes: tuple[Alteration, ...] = (AddNoise(*lead, "mains", 0.0, 284, 300, 7, 60.0), DampLine(*line, 0.5, 284, 300))
    said = words(at)
    for k, change in enumerate(changes):
        assert f"{k + 1}. {change.words()}" in said
    assert "seed 7" in said
    other = altering.altered(alarm, changes)
    assert f"{altering_words.WITH_VALUES} {percent(other.analysis.full.risk)}" in said
    traces = {t["name"]: t for t in figure(at, "waveform_pair")["data"]}
    for title in (f"ECG {lead[1].title}", line[1].title):
        assert traces[f"{title} as recorded"]["line"] == {"color": "#000000", "width": 1.2}
        assert traces[f"{title} as altered"]["line"]["dash"] == "5px,3px"
        assert traces[f"{title} as altered"]["line"]["color"] != "#000000"


@pytest.mark.parametrize("stretch", [(0.0, 8.5), (0.0, 0.5), (3.0, 299.0), (299.5, 300.0)])
def test_the_window_lies_where_the_record_was_altered(alarm: Case, stretch: tuple[float, float]) -> None:
    at = what_if(alarm)
    change = CutLead(*altering.leads(alarm)[0], *stretch)
    at.session_state["kept"] = {**at.session_state["kept"], f"altered:{alarm.digest}": (change,)}
    at.run()
    assert not at.error
    low, high = figure(at, "waveform_pair")["layout"]["xaxis"]["range"]
    assert low < stretch[1] <= high
    assert any(trace["name"] == "cut" for trace in figure(at, "waveform_pair")["data"])


def test_values_that_no_patient_can_have_together_are_warned_of() -> None:
    opened = next(c for c in (sample("icu_mortality", i) for i in ids("icu_mortality")) if _arterial(c))
    systolic = channel(opened, "SysABP")
    _, values = altering.points(opened.record, systolic)
    shift = ShiftValues(*systolic, float(21 - values.min()), 0, 48)
    assert altering.impossible(opened, opened) == ()
    said = altering.impossible(opened, altering.altered(opened, (shift,)))
    assert said[0].startswith(
        "Systolic pressure (arterial line) below Mean pressure (arterial line), which cannot be: "
    )
    small = ShiftValues(*systolic, 1.0, 0, 48)
    assert altering.impossible(opened, altering.altered(opened, (small,))) == ()
    for change, warned in ((shift, True), (small, False)):
        at = what_if(opened)
        at.session_state["kept"] = {**at.session_state["kept"], f"altered:{opened.digest}": (change,)}
        shown = words(at.run())
        assert (altering_words.IMPOSSIBLE in shown) == warned
        assert (said[0] in shown) == warned


def _arterial(opened: Case) -> bool:
    return {"SysABP", "MAP"} <= {c.name for _, c in altering.variables(opened)}


def test_what_was_cut_is_not_called_switched_off(alarm: Case) -> None:
    modality = altering.leads(alarm)[0][0]
    cuts = tuple(CutLead(m, c, 0, 1e4) for m, c in altering.leads(alarm) if m == modality)
    at = what_if(alarm)
    at.session_state["kept"] = {**at.session_state["kept"], f"altered:{alarm.digest}": cuts}
    at.run()
    assert not at.error
    for name in ("paired_contributions", "paired_gates", "paired_weights"):
        drawn = json.dumps(figure(at, name), ensure_ascii=False)
        assert "taken out" in drawn
        assert "switched off" not in drawn
        assert "with values altered" in drawn


def test_a_cut_is_explained_by_what_is_cut(alarm: Case) -> None:
    at = what_if(alarm)
    at.segmented_control(key=key(alarm, "what")).set_value(altering_words.CUT).run()
    for k, (modality, _) in enumerate(altering.leads(alarm)):
        at.selectbox(key=key(alarm, f"lead_{altering_words.CUT}")).set_value(k).run()
        assert altering_words.CUT_LIKE[modality] in words(at)
        assert ("electrode had come off" in words(at)) == (modality == "ecg")


def test_what_leaves_the_training_range_is_warned_of(stay: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    quantity = channel(stay, "HR")
    report = explanations.explanation_report("icu_mortality")
    assert report is not None
    model = services.checkpoint("icu_mortality")
    ends = np.array([report.reference.low["heart_rate"][0], report.reference.high["heart_rate"][0]])
    low, high = model.normaliser.physical("heart_rate", 0, ends)
    hours, values = altering.points(stay.record, quantity)
    inside = int(np.flatnonzero((values > low + 2) & (values < high - 2))[0])
    small = SetValue(*quantity, float(hours[inside]), float(values[inside] + 1))
    large = SetValue(*quantity, float(hours[inside]), 280.0)

    assert altering.beyond_training(stay, altering.altered(stay, (small,))) == ()
    (said,) = altering.beyond_training(stay, altering.altered(stay, (large,))) or ()
    assert said.startswith("Heart rate: one value, the furthest ")
    assert f"98 % of training values lie between {low:.3g} and {high:.3g} bpm." in said

    def shown(change: Alteration) -> AppTest:
        at = what_if(stay)
        at.session_state["kept"] = {**at.session_state["kept"], f"altered:{stay.digest}": (change,)}
        return at.run()

    assert said in words(shown(large))
    assert altering_words.WITHIN in words(shown(small))
    monkeypatch.setattr(altering, "explanation_report", lambda task: None)
    assert altering_words.NO_RANGE in words(shown(large))


def test_a_trace_that_leaves_the_training_range_is_warned_of(alarm: Case) -> None:
    line = next(q for q in altering.leads(alarm) if q[1].unit == "mmHg")
    said = altering.beyond_training(alarm, altering.altered(alarm, (FlatLine(*line, 280, 300, 300.0),))) or ()
    assert any(sentence.startswith("ABP: 100 % of its samples lie outside") for sentence in said)
    calm = altering.altered(alarm, (FlatLine(*line, 280, 300),))
    assert not [s for s in altering.beyond_training(alarm, calm) or () if s.startswith("ABP")]


def test_a_change_that_the_model_does_not_read_says_so() -> None:
    """Weights charted after admission are not among the model's inputs."""
    opened = next(c for c in (sample("icu_mortality", i) for i in ids("icu_mortality")) if _weighed(c))
    change = ShiftValues(*_weighed(opened)[0], 1.0, 0, 48)
    assert altering.altered(opened, (change,)).analysis.full.logit == opened.analysis.full.logit
    at = what_if(opened)
    assert altering_words.NOT_READ.partition("{")[0] not in words(at)
    at.session_state["kept"] = {**at.session_state["kept"], f"altered:{opened.digest}": (change,)}
    assert altering_words.NOT_READ.partition("{")[0] in words(at.run())


def _weighed(opened: Case) -> list[tuple[str, Channel]]:
    return [q for q in altering.variables(opened) if (q[0], q[1].name) == ("chart", "Weight")]


def sent(at: AppTest) -> dict[str, Any] | None:
    """What the slider got, None where it is not on the page."""
    found = [json.loads(c.proto.json) for c in at.get("bidi_component") if "moment" in c.proto.component_name]
    return found[0] if found else None


@pytest.mark.parametrize(("task", "record_id"), [("icu_mortality", STAY), ("icu_alarm", ALARM)])
def test_the_slider_has_every_moment_sent_ahead(task: str, record_id: str) -> None:
    opened = sample(task, record_id)
    unfolding = explanations.trajectory(opened)
    at = what_if(opened)
    assert sent(at) is None, "nothing slow unasked"
    at.toggle(key="w_moments").set_value(True).run()
    data = sent(at)
    assert data is not None
    assert data["words"]["whole"].endswith(f"{percent(opened.analysis.full.risk)} with the whole record as read")
    assert len(data["moments"]) == len(unfolding.times)
    for position, (said, risk) in enumerate(zip(data["moments"], unfolding.found.risks, strict=True)):
        found = moments.moment(opened, unfolding, position)
        assert found.risk == risk
        assert said["risk"] == percent(risk)
        assert said["when"] == found.when
        assert said["unknown"] == list(found.unknown)
        assert [len(row) for row in said["rows"]] == [len(data["heads"])] * len(opened.analysis.names)
    assert data["moments"][-1]["note"] == altering_words.ALL_KNOWN
    assert data["moments"][-1]["risk"] == percent(opened.analysis.full.risk)
    assert data["at"] == (len(unfolding.times) - 1) // 2
    at.session_state["kept"] = {**at.session_state["kept"], f"moment:{opened.digest}": 4}
    again = sent(go(go(at, "model"), "what_if"))
    assert again is not None
    assert again["at"] == 4


def test_what_was_not_yet_known_is_counted(stay: Case) -> None:
    unfolding = explanations.trajectory(stay)
    position = 9
    assert unfolding.times[position] == 10
    found = moments.moment(stay, unfolding, position)
    rows = {row[0]: row[1:] for row in found.rows}
    for spec in services.schema("icu_mortality").modalities:
        seen = stay.prepared.observed[spec.name]
        if spec.kind == "static" or not seen.any():
            continue
        early, whole = int(seen[:10].sum()), int(seen.sum())
        if early:
            assert rows[spec.title][0] in (f"{early} of {whole} values", f"all {whole} values")
            later = [part for part in found.unknown if part.startswith(f"{spec.title}: {whole - early} of {whole}")]
            assert len(later) == (early < whole)
        else:
            assert rows[spec.title][0] == "nothing yet"
            assert f"{spec.title}: everything" in found.unknown


def test_before_the_alarm_its_type_and_the_last_seconds_are_not_known(alarm: Case) -> None:
    unfolding = explanations.trajectory(alarm)
    found = moments.moment(alarm, unfolding, len(unfolding.times) - 6)
    assert found.when == "5 s before the alarm"
    assert "Alarm type" in found.unknown
    assert "ECG: its last 5 s" in found.unknown
    assert moments.moment(alarm, unfolding, len(unfolding.times) - 1).unknown == ()
