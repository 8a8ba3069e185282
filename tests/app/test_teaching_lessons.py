"""The lessons that come with the program hold what they say: every statement is asked of the shipped model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from amfn.tasks import get_task
from app import altering, services, teaching_lessons
from app.teaching_steps import VIEWS
from app.views import Case
from explain.alterations import TakeOut
from explain.reality import Measure
from teaching import MODEL_VIEWS, PLACEHOLDERS, Commit, Lesson, Look, filled
from teaching.lessons import VIEWS as NAMED
from teaching.lessons import record_of, texts_of
from teaching.parsing import KINDS

NAMES = (
    "1-what-the-model-sees",
    "2-attention-is-not-contribution",
    "3-lose-a-modality",
    "4-false-alarm-or-not",
    "5-missing-not-at-random",
    "6-over-reliance",
)
ALARMS, STAYS = "icu_alarm", "icu_mortality"


def alarm(record_id: str) -> Case:
    return teaching_lessons.case_of(ALARMS, record_id)


def stay(record_id: str) -> Case:
    return teaching_lessons.case_of(STAYS, record_id)


def risk(opened: Case) -> float:
    return opened.analysis.full.risk


def truth(opened: Case) -> int:
    return int(get_task(opened.listing.task).label_of(opened.record) or 0)


def strongest(opened: Case) -> str:
    sizes = np.abs(opened.analysis.shapley)
    return opened.analysis.names[int(sizes.argmax())]


def by_name(opened: Case, measure: Measure) -> dict[str, float]:
    check = opened.analysis.reality
    values = check.measures[measure]
    assert values is not None
    return dict(zip(check.players, np.abs(values).tolist(), strict=True))


def last(values: dict[str, float]) -> str:
    return min(values, key=lambda name: values[name])


def first(values: dict[str, float]) -> str:
    return max(values, key=lambda name: values[name])


def without(opened: Case, *names: str) -> float:
    return opened.analysis.subset([name not in names for name in opened.analysis.names]).risk


def taken_out(opened: Case, *names: str) -> Case:
    charted = {channel.name: channel for channel in opened.record.channels["chart"]}
    return altering.altered(opened, [TakeOut("chart", charted[name], 0.0, 48.0) for name in names])


def remaining(opened: Case, error_rate: float = 0.1) -> str:
    return next(item.heading for item in opened.analysis.certainty.sets if item.error_rate == error_rate)


@pytest.mark.parametrize("lesson", teaching_lessons.lessons().lessons, ids=lambda lesson: lesson.name)
def test_every_text_can_be_filled_and_every_view_drawn(lesson: Lesson) -> None:
    for step in lesson.steps:
        opened = teaching_lessons.opened_for(lesson, step)
        facts = {} if opened is None else teaching_lessons.facts(opened, step)
        assert all("{" not in filled(said, facts) for said in texts_of(step))
        assert opened is None or opened.simulated


def test_the_six_lessons_are_there_and_none_is_refused() -> None:
    found = teaching_lessons.lessons()
    assert [lesson.name for lesson in found.lessons] == list(NAMES)
    assert found.refused == ()
    assert all(lesson.sources for lesson in found.lessons)
    assert set(VIEWS) | {"measured"} == set(NAMED)


def test_no_record_is_committed_to_in_two_lessons() -> None:
    records = [record_of(lesson.steps[k]) for lesson in teaching_lessons.lessons().lessons for k in lesson.commits]
    assert len(records) == len(set(records))


def test_1_the_planted_cause_is_where_the_model_was_moved_most() -> None:
    opened = stay("900010")
    assert strongest(opened) == "neuro_temperature"
    assert {p.modality for p in teaching_lessons.planted("900010") if p.role == "cause"} == {"neuro_temperature"}
    assert truth(opened) == 1
    chart = opened.record
    column = [c.name for c in chart.channels["chart"]].index("GCS")
    assert chart.observed["chart"][:, column].sum() > 5


def test_2_the_least_attention_goes_to_what_moves_the_estimate_most() -> None:
    opened = alarm("sim_t001")
    attention, contributions = by_name(opened, "attention"), by_name(opened, "shapley")
    assert last(attention) == first(contributions) == "ecg"
    assert last(contributions) not in (last(attention), first(attention))
    assert max(attention.values()) - min(attention.values()) < 0.1
    tau = opened.analysis.reality.taus["attention", "shapley"]
    assert tau is not None
    assert tau < 0


def test_2_the_largest_weight_moves_the_least() -> None:
    opened = alarm("sim_b002")
    weights, contributions = by_name(opened, "weight"), by_name(opened, "shapley")
    assert first(weights) == last(contributions) == "resp"
    assert first(contributions) == "ppg"
    assert opened.analysis.reality.disagrees


def test_3_the_same_loss_matters_on_one_alarm_and_not_on_the_other() -> None:
    opened = alarm("sim_b003")
    contributions = by_name(opened, "shapley")
    assert truth(opened) == 1
    assert first(contributions) == "abp"
    assert contributions["abp"] > contributions["ecg"]
    assert without(opened, "abp") < 0.5 < risk(opened)
    other = alarm("sim_v005")
    assert truth(other) == 0
    assert other.analysis.present[list(other.analysis.names).index("abp")]
    assert other.group == "Ventricular tachycardia"
    assert abs(without(other, "abp") - risk(other)) < 0.01


def test_3_the_model_was_trained_with_modalities_taken_away() -> None:
    config = json.loads((services.checkpoint_folder() / ALARMS / "config.json").read_text(encoding="utf-8"))
    assert config["provenance"]["config"]["modality_dropout"] > 0


def test_4_the_alarms_are_what_the_lesson_tells() -> None:
    outcomes = {"sim_v005": 0, "sim_v002": 1, "sim_b004": 0, "sim_a001": 1}
    for record_id, outcome in outcomes.items():
        opened = alarm(record_id)
        assert truth(opened) == outcome
        assert (risk(opened) > 0.5) == bool(outcome)
    assert strongest(alarm("sim_v002")) == "ecg"
    assert alarm("sim_v005").group == alarm("sim_v002").group == "Ventricular tachycardia"
    assert alarm("sim_b004").group == "Extreme bradycardia"
    fourth = alarm("sim_a001")
    assert fourth.group == "Asystole"
    spread = fourth.analysis.certainty.spread
    assert spread is not None
    assert spread.low < 0.5 < spread.high
    assert "oth outcomes possible" in remaining(fourth)
    causes = {record_id: " ".join(p.cause for p in teaching_lessons.planted(record_id)) for record_id in outcomes}
    assert "electrode motion" in causes["sim_v005"]
    assert "the pulse is unchanged" in causes["sim_v005"]
    assert "weakened" in causes["sim_v002"]
    assert "pulse waves go on" in causes["sim_b004"]
    assert "no pulse wave follows" in causes["sim_a001"]


def test_5_lactate_was_measured_in_all_who_died_and_in_some_who_survived() -> None:
    lactate = next(row for row in teaching_lessons.measured(STAYS, ("Lactate",)))
    assert lactate.with_outcome == lactate.of_with > 0
    assert 0.3 < lactate.without_outcome / lactate.of_without < 0.7


def test_5_without_its_lactate_the_ill_one_falls_below_the_base_rate() -> None:
    opened = stay("900005")
    base = opened.analysis.base_rate
    assert opened.group == "Medical"
    assert truth(opened) == 1
    assert risk(taken_out(opened, "Lactate")) < base < risk(opened)


def test_5_without_its_normal_lactate_the_other_one_rises() -> None:
    opened = stay("900010")
    column = [c.name for c in opened.record.channels["chart"]].index("Lactate")
    values = opened.record.values["chart"][:, column]
    charted = values[~np.isnan(values)]
    assert len(charted) > 3
    assert (charted <= 2.0).all()
    assert risk(taken_out(opened, "Lactate")) > risk(opened)


def test_5_switched_off_is_the_same_as_never_charted() -> None:
    opened = stay("900010")
    schema = services.schema(STAYS)
    charted = {channel.name for channel in opened.record.channels["chart"]}
    off = [c.name for name in ("oxygenation", "respiration") for c in schema.modality(name).channels]
    seen = opened.record.observed["chart"]
    order = [c.name for c in opened.record.channels["chart"]]
    there = [name for name in off if name in charted and seen[:, order.index(name)].any()]
    assert risk(taken_out(opened, *there)) == pytest.approx(without(opened, "oxygenation", "respiration"), abs=1e-6)


def test_6_two_answers_are_right_and_two_wrong_and_one_of_these_is_sure() -> None:
    right = {"sim_v003": 1, "sim_f003": 0}
    wrong = {"sim_t006": 0, "sim_f002": 1}
    for record_id, outcome in (right | wrong).items():
        opened = alarm(record_id)
        assert truth(opened) == outcome
        assert ((risk(opened) > 0.5) == bool(outcome)) == (record_id in right)
    assert strongest(alarm("sim_t006")) == "alarm"
    assert alarm("sim_t006").group == "Extreme tachycardia"
    sure = alarm("sim_f002")
    assert "False alarm" in remaining(sure)
    assert remaining(sure).startswith("Only")
    assert "pulsation lost" in " ".join(p.cause for p in teaching_lessons.planted("sim_f002"))
    assert "half the counted rate" in " ".join(p.cause for p in teaching_lessons.planted("sim_t006"))


def test_6_the_model_is_right_on_most_sample_alarms() -> None:
    listed = services.listing(services.sample_folder(ALARMS), ALARMS)
    right = [(risk(opened) > 0.5) == bool(truth(opened)) for opened in map(alarm, listed.ids)]
    assert np.mean(right) > 0.8


def test_a_step_shows_what_its_record_has() -> None:
    for lesson in teaching_lessons.lessons().lessons:
        for step in lesson.steps:
            opened = teaching_lessons.opened_for(lesson, step)
            if isinstance(step, Look) and opened is not None:
                here = {n for n, p in zip(opened.analysis.names, opened.analysis.present, strict=True) if p}
                assert set(step.without) <= here
            if isinstance(step, Commit) and step.ranking:
                assert len(teaching_lessons.rankable(lesson.task, step.record)) > 2


def test_the_readme_names_every_kind_view_and_placeholder() -> None:
    said = (teaching_lessons.FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{kind}` |" in said for kind in KINDS)
    for view in NAMED:
        line = next(line for line in said.splitlines() if line.startswith(f"| `{view}` |"))
        assert line.endswith("| yes |" if view in MODEL_VIEWS else "| no |")
    assert all(f"`{{{name}}}`" in said for name in PLACEHOLDERS)
    assert all(name in said for task in (ALARMS, STAYS) for name in services.schema(task).names)
