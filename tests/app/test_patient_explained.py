"""The Patient page's explanations: the paragraph with its numbers, the estimate over time, similar patients."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from amfn import origin
from amfn.types import InputError
from app import explanations, explanations_patient, narrative, neighbourhood, services, surveying, text
from app.views import Case
from explain.paragraph import Input, InputSplit, written
from explain.similar import CohortIndex, Neighbours, OutcomeShare, Typical, VoteQuality
from tests.app.screen import charts, ids, open_app, percent, sample, words

TASKS = ("icu_mortality", "icu_alarm")
STAY = "900002"
RATE = 0.1


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def emptied(case: Case) -> Case:
    """The same record with nothing in it."""
    prepared = replace(
        case.prepared,
        values={name: np.full_like(v, np.nan) for name, v in case.prepared.values.items()},
        observed={name: np.zeros_like(v) for name, v in case.prepared.observed.items()},
    )
    model = services.checkpoint(case.listing.task)
    analysis = services._analyse(f"{case.digest} emptied", model.digest, prepared, model)
    return replace(case, prepared=prepared, digest=f"{case.digest} emptied", analysis=analysis)


def shown(at: AppTest) -> str:
    assert not at.exception
    assert not at.error
    return words(at)


@pytest.mark.parametrize("task", TASKS)
def test_every_sentence_stands_on_the_page_and_every_number_says_where_it_comes_from(task: str) -> None:
    case = sample(task, ids(task)[1])
    said = shown(open_app(task=task, record=case.record.record_id))
    claims = narrative.claims(case, RATE, explanations_patient.input_split(case))

    assert claims[0].text == case.analysis.sentence
    assert f"##### {claims[0].text}" in said
    for part, heading in narrative.HEADINGS.items():
        sentences = written([claim for claim in claims if claim.part == part])
        assert (f"**{heading}.** {sentences}" in said) == bool(sentences)
    for claim in claims:
        traced = narrative.traced(claim, case)
        assert traced.numbers
        assert f"**{claim.text}**" in said
        assert f"{'; '.join(traced.numbers)}. {traced.origin}" in said


def test_every_kind_of_claim_has_numbers_in_words_and_an_origin() -> None:
    for task in TASKS:
        for record_id in ids(task)[::6]:
            case = replace(sample(task, record_id), trained_on=True)
            split = InputSplit(text.IG, (Input("Lactate", 0.5),), 0.2, 0.05)
            for variant in (None, split, replace(split, gap=0.0), replace(split, gap=0.0, sane=False)):
                for claim in narrative.claims(case, RATE, variant):
                    traced = narrative.traced(claim, case)
                    assert len(traced.numbers) == len(claim.numbers)
                    assert traced.origin.startswith("From ")
                    assert "nan" not in " ".join(traced.numbers)


def test_the_numbers_are_those_of_the_record() -> None:
    case = sample("icu_mortality", STAY)
    a = case.analysis
    numbers = {name: value for claim in narrative.claims(case, RATE) for name, value in claim.numbers.items()}
    titles = dict(zip(a.names, a.titles, strict=True))
    removed = {name: a.subset([other != name for other in a.names]).risk for name in a.names}
    furthest = max(removed, key=lambda name: abs(removed[name] - a.full.risk))

    assert numbers["risk"] == pytest.approx(a.full.risk, abs=1e-12)
    assert numbers[f"risk without {titles[furthest]}"] == pytest.approx(removed[furthest], abs=1e-9)
    assert a.certainty.spread is not None
    assert numbers["highest network"] == a.certainty.spread.high
    assert a.certainty.similar is not None
    assert (numbers["similar records"], numbers["with outcome"]) == (
        a.certainty.similar.count,
        a.certainty.similar.events,
    )
    for name, value in zip(a.titles, a.shapley, strict=True):
        assert numbers[f"Shapley {name}"] == value


def test_single_values_are_named_once_they_are_known() -> None:
    at = open_app(task="icu_mortality", record=STAY)
    case = sample("icu_mortality", STAY)
    split = explanations_patient.input_split(case)
    assert split is not None
    assert split.gap is not None
    assert split.gap <= split.accepted
    largest = max(split.inputs, key=lambda item: abs(item.value))
    said = shown(at)

    assert text.SPLIT_PENDING not in said
    assert f"{text.IG} {largest.title} {text.signed(largest.value)} log-odds" in said
    sums = services.attribution(case, explanations_patient.STEPS, False).by_modality()
    assert sum(item.value for item in split.inputs) == pytest.approx(sum(sums.values()), abs=1e-5)
    assert explanations_patient.input_split(sample("icu_alarm", ids("icu_alarm")[0])) is None


def test_where_single_values_cannot_be_had_the_rest_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(opened: Case) -> None:
        raise InputError("explanations.json", "nothing of use", "a report", "Write it again.")

    monkeypatch.setattr(explanations_patient, "input_split", refuse)
    at = open_app(task="icu_mortality", record=STAY)
    assert "nothing of use" in at.error[0].value
    assert text.SPLIT_PENDING not in words(at)
    assert sample("icu_mortality", STAY).analysis.sentence in words(at)
    assert text.OPEN_FOLDER in words(at)


def test_what_is_undecided_follows_the_chosen_error_rate() -> None:
    undecided = "neither outcome can be ruled out"
    for record_id in ids("icu_alarm"):
        case = sample("icu_alarm", record_id)
        both = {found.error_rate: found.undecided for found in case.analysis.certainty.sets}
        if both[0.05] and not both[0.2]:
            break
    at = open_app(task="icu_alarm", record=record_id)
    at.segmented_control(key="error_rate").set_value(0.05).run()
    assert f"At an error rate of 5 % {undecided}" in shown(at)

    at.segmented_control(key="error_rate").set_value(0.2).run()
    assert undecided not in shown(at)


def test_fusion_weights_are_doubted_where_they_disagree_with_what_moved_the_estimate() -> None:
    verdicts = set()
    for record_id in ids("icu_alarm"):
        case = sample("icu_alarm", record_id)
        doubts = written([claim for claim in narrative.claims(case, RATE) if claim.part == "doubt"])
        verdicts.add(case.analysis.reality.disagrees)
        assert ("fusion weights are no guide here" in doubts) == bool(case.analysis.reality.disagrees)
    assert {True, False} <= verdicts


def test_a_record_of_the_training_data_says_so() -> None:
    case = sample("icu_mortality", STAY)
    assert not case.trained_on
    assert "in training, so that" not in written(narrative.claims(case, RATE))
    assert "in training, so that" in written(narrative.claims(replace(case, trained_on=True), RATE))


@pytest.mark.parametrize("task", TASKS)
def test_an_empty_record_is_explained_without_any_contribution(task: str) -> None:
    case = emptied(sample(task, ids(task)[0]))
    claims = narrative.claims(case, RATE)

    assert "nothing was recorded" in claims[0].text
    assert not [claim for claim in claims if claim.part == "drivers"]
    assert not explanations_patient.splits(case)
    surveying.complete(case.listing, lambda share: None)
    likeness = explanations_patient.similar(case)
    assert likeness is not None
    assert likeness.found.ids == ()
    assert neighbourhood.nobody(likeness.found) == "Nothing was recorded, so that no record is like this one."


@pytest.mark.parametrize("task", TASKS)
def test_over_time_ends_at_the_estimate(task: str) -> None:
    case = sample(task, ids(task)[1])
    at = open_app(task=task, record=case.record.record_id)
    if task == "icu_alarm":
        assert text.ALARM_TYPE_LAST not in shown(at), "its windows take long: they are asked for"
        at.toggle(key="w_alarm_over_time").set_value(True).run()
    said = shown(at)
    found = explanations.trajectory(case)
    drawn = next(
        figure
        for figure in charts(at)
        if any(note["text"].startswith("<b>") and "at " in note["text"] for note in figure["layout"]["annotations"])
    )

    assert text.AIDS["over_time"] in said
    assert "trained on whole records" in said
    assert (text.ALARM_TYPE_LAST in said) == (task == "icu_alarm")
    assert found.found.risks[-1] == pytest.approx(case.analysis.full.risk, abs=1e-5)
    line = next(trace for trace in drawn["data"] if trace.get("name") == "risk")
    known = [value for value in line["y"] if value is not None]
    assert known[-1] == pytest.approx(case.analysis.full.risk, abs=1e-5)
    assert len(found.times) >= 30


def test_a_record_of_one_moment_has_no_course(monkeypatch: pytest.MonkeyPatch) -> None:
    case = sample("icu_alarm", ids("icu_alarm")[0])
    whole = explanations.trajectory(case)
    only = explanations.Unfolding(whole.found, whole.times[-1:], whole.unit)
    monkeypatch.setattr(explanations, "trajectory", lambda opened: only)

    at = open_app(task="icu_alarm", record=case.record.record_id)
    at.toggle(key="w_alarm_over_time").set_value(True).run()
    said = shown(at)
    assert "Too little was recorded before the end for an earlier estimate." in said


def test_similar_patients_are_those_of_the_folder() -> None:
    """Against an index built from all records in one batch."""
    case = sample("icu_mortality", STAY)
    model = services.checkpoint("icu_mortality")
    every = [sample("icu_mortality", record_id).prepared for record_id in ids("icu_mortality")]
    truth = {record.record_id: model.task.label_of(record) for record in every}
    index = CohortIndex.of(model.model, [model.batch(every)], list(truth.values()))
    batch = model.batch([case.prepared])
    with torch.no_grad():
        expected = index.nearest(batch, model.model(batch), index.usual_k)
    at = open_app(task="icu_mortality", record=STAY)
    said = shown(at)
    table = next(frame.value for frame in at.dataframe if "Distance" in frame.value)

    assert table["Record"].tolist() == list(expected.ids)
    assert STAY not in table["Record"].tolist()
    assert table["Estimate"].tolist() == [percent(float(risk)) for risk in expected.risks]
    wording = model.task.wording
    assert table["Outcome"].tolist() == [wording.positive if truth[i] else wording.negative for i in expected.ids]
    assert table["Distance"].tolist()[0].startswith(f"{expected.distances[0]:.2f}, ")
    assert expected.observed is not None
    assert f"{expected.observed.events} came out as “{case.positive}”" in said
    assert "95 % interval" in said
    assert text.OPEN_FOLDER in said
    assert f"AUROC of {index.vote_quality(index.usual_k).auroc:.2f}" in said
    assert "networks, each asked alone, would name" in said

    at.button(key=f"open_like:{expected.ids[0]}").click().run()
    assert f"<strong>Record {expected.ids[0]}</strong>" in shown(at)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own: one stay, two of its neighbours, and the very same stay under another name."""
    surveying.complete(sample("icu_mortality", STAY).listing, lambda share: None)
    likeness = explanations_patient.similar(sample("icu_mortality", STAY))
    assert likeness is not None
    place = tmp_path / "mine"
    place.mkdir()
    for record_id in (STAY, *likeness.found.ids[:2]):
        shutil.copy(origin.SAMPLES / "icu_mortality" / f"{record_id}.txt", place)
    twin = (place / f"{STAY}.txt").read_text(encoding="utf-8").replace(f"RecordID,{STAY}", "RecordID,900999")
    (place / "900999.txt").write_text(twin, encoding="utf-8")
    monkeypatch.setenv("AMFN_DATA", str(place))
    return place


def test_a_copy_is_no_neighbour_and_unknown_outcomes_are_said_to_be(folder: Path) -> None:
    at = open_app()
    said = shown(at)
    table = next(frame.value for frame in at.dataframe if "Distance" in frame.value)

    assert f"<strong>Record {STAY}</strong>" in said
    assert len(table) == 2
    assert "900999" not in table["Record"].tolist()
    assert set(table["Outcome"]) == {services.UNKNOWN}
    assert "Of the 2 nearest simulated records no outcome is known." in said
    assert "cannot be measured in this folder" in said


def test_a_large_folder_is_read_for_similar_records_only_when_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "AUTOMATIC_UP_TO", 3)
    at = open_app()
    assert not [frame for frame in at.dataframe if "Distance" in frame.value]

    at.button(key="read_all").click().run()
    table = next(frame.value for frame in at.dataframe if "Distance" in frame.value)
    assert len(table) == 2


def test_a_record_like_no_other_says_why() -> None:
    case = sample("icu_mortality", "900001")
    said = shown(open_app(task="icu_mortality", record="900001"))
    likeness = explanations_patient.similar(case)

    assert likeness is not None
    assert likeness.found.candidates == 0
    assert "No other record of this folder has the same things recorded." in said


def neighbours(count: int, known: int, typical: Typical | None) -> Neighbours:
    outcomes = tuple([1.0] * known + [None] * (count - known))
    return Neighbours(
        record_id="a",
        modalities=("x",),
        asked=5,
        candidates=count + 4,
        ids=tuple(f"b{k}" for k in range(count)),
        distances=np.ones(count),
        risks=np.full(count, 0.5),
        outcomes=outcomes,
        observed=OutcomeShare(known, known, 0.4, 1.0) if known else None,
        typical=typical,
        stable=(2, 2),
    )


def test_what_is_as_far_apart_as_any_two_records_is_not_called_similar() -> None:
    near, far = (Typical(neighbour=1.0, anyone=anyone, closer=0.0, measured_on=10) for anyone in (2.0, 0.9))
    assert "not similar" not in neighbourhood.outcome_sentence(neighbours(3, 3, near), "True alarm", False)
    said = neighbourhood.outcome_sentence(neighbours(3, 3, far), "True alarm", True)
    assert (
        said == "None of the other simulated records is similar: even the nearest lie as far apart as any two records."
    )
    mixed = replace(neighbours(3, 3, near), distances=np.array([0.5, 1.0, 2.5]))
    assert neighbourhood.outcome_sentence(mixed, "True alarm", False).endswith(
        "1 of them is not similar, and counted all the same."
    )


def test_distances_are_put_beside_what_is_usual() -> None:
    usual = Typical(neighbour=1.0, anyone=2.0, closer=0.0, measured_on=10)

    assert neighbourhood.nearness(0.5, usual) == "0.50, nearer than usual"
    assert neighbourhood.nearness(1.05, usual) == "1.05, as near as usual"
    assert neighbourhood.nearness(1.5, usual) == "1.50, farther than usual"
    assert neighbourhood.nearness(2.0, usual) == "2.00, not similar: as far apart as any two records"
    assert neighbourhood.nearness(0.5, None) == "0.50"
    assert "is a common one here: 0 of 10 have" in neighbourhood.distance_sentence(neighbours(3, 3, usual))
    apart = neighbourhood.distance_sentence(neighbours(3, 3, replace(usual, closer=1.0)))
    assert "stands apart: 10 of 10 have nearer neighbours" in apart
    assert "too few to say" in neighbourhood.distance_sentence(neighbours(1, 1, None))


def test_outcomes_of_neighbours_come_with_how_many_are_known() -> None:
    assert neighbourhood.outcome_sentence(neighbours(3, 2, None), "Died", False) == (
        "Of the 3 nearest records, 2 with a known outcome, 2 came out as “Died”: 100 % (95 % interval 40 to 100 %)."
    )
    assert "says next to nothing" in neighbourhood.outcome_sentence(neighbours(1, 1, None), "Died", True)


@pytest.mark.parametrize(
    ("auroc", "verdict"),
    [(0.2, "misleading"), (0.5, "no better than a coin"), (0.65, "weak"), (0.75, "fair"), (0.9, "good evidence")],
)
def test_neighbours_are_judged_by_how_well_they_vote(auroc: float, verdict: str) -> None:
    found = neighbours(3, 3, None)
    vote, stable = neighbourhood.trust(VoteQuality(5, 40, 10, 0, auroc, 0.8), found)

    assert verdict in vote
    assert ("worth as much as" in vote) == (auroc >= 0.8)
    assert stable == "The model's 2 networks, each asked alone, would name 2 of these 3 records."
    assert "cannot be measured" in neighbourhood.trust(VoteQuality(5, 4, 0, 0, None, None), found)[0]
