"""From prepared records to batches and cohorts: scaling by hand, masks, digests, and files that are no cohort."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from amfn.batch import CLIP, FLAT, Normaliser, Scale, collate, stack
from amfn.dataset import Cohort, read_folders
from amfn.readers import read_record
from amfn.tasks import TASKS, get_task
from amfn.types import Alarm, Channel, InputError, ModalitySpec, Record, RecordMeta, Schema
from tests.cohorts import stays
from tests.record_files import RATE, STAY, ramp, write_stay, write_wfdb

SCHEMA = Schema(
    "toy",
    (
        ModalitySpec("wave", "waveform", (Channel("lead", "mV", -10, 10), Channel("abp", "mmHg", -50, 350)), 50.0),
        ModalitySpec("chart", "series", (Channel("even", "1", 0, 9), Channel("skewed", "1", 0, 1e6))),
        ModalitySpec("kind", "static", (Channel("yes", "", 0, 1, flag=True), Channel("never", "1", 0, 1))),
    ),
    ("outcome",),
)
NAN = float("nan")


def record(name: str, context: Mapping[str, np.ndarray] | None = None, **values: object) -> Record:
    arrays = {m: np.asarray(v, np.float32) for m, v in values.items()}
    return Record(
        name,
        f"{name}.txt",
        {m: SCHEMA.modality(m).channels[: v.shape[1]] for m, v in arrays.items()},
        arrays,
        {m: ~np.isnan(v) for m, v in arrays.items()},
        {m: np.arange(len(v), dtype=np.float64) for m, v in arrays.items()},
        {},
        RecordMeta("toy", context=context or {}),
    )


def test_each_kind_of_channel_is_scaled_its_own_way() -> None:
    skewed = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, np.expm1(10)])
    values = {
        "wave": np.stack([np.zeros(10), np.array([60.0, 100.0] * 5)], -1)[:, None],
        "chart": np.stack([np.array([2.0, 4.0] * 5), skewed], -1)[:, None],
        "kind": np.stack([np.arange(10) % 2, np.full(10, NAN)], -1)[:, None],
    }
    scales = Normaliser.fit(SCHEMA, values).scales
    assert scales["wave"] == (Scale("record", 0.0, FLAT["mV"]), Scale("zscore", 80.0, 20.0))
    assert scales["chart"][0] == Scale("zscore", 3.0, 1.0)
    assert scales["chart"][1].mode == "log"
    assert [scales["chart"][1].mean, scales["chart"][1].std] == pytest.approx([1.0, 3.0])
    assert scales["kind"] == (Scale("flag"), Scale("zscore"))


def test_values_are_scaled_by_hand() -> None:
    normaliser = Normaliser(
        {
            "wave": (Scale("record", 0.0, 0.05), Scale("zscore", 80.0, 20.0)),
            "chart": (Scale("zscore", 3.0, 2.0), Scale("log", 1.0, 3.0)),
            "kind": (Scale("flag"), Scale("zscore")),
        }
    )
    context = np.array([[1.0, NAN], [0.5, NAN]])
    wave = normaliser.apply("wave", np.array([[2.0, 70.0], [NAN, 400.0]]), context)
    np.testing.assert_allclose(wave, [[2.0, -0.5], [0.0, CLIP]])
    flat = normaliser.apply("wave", np.array([[1.01, 80.0]]), np.array([[1.0, NAN], [0.0, NAN]]))
    np.testing.assert_allclose(flat, [[0.2, 0.0]], rtol=1e-5)  # the floor keeps a flat line flat
    chart = normaliser.apply("chart", np.array([[NAN, np.expm1(7)], [-99.0, 0.0]]))
    np.testing.assert_allclose(chart, [[0.0, 2.0], [-CLIP, -1 / 3]], rtol=1e-5)
    np.testing.assert_array_equal(normaliser.apply("kind", np.array([[1.0, NAN], [NAN, 0.5]])), [[1, 0], [0, 0.5]])
    assert chart.dtype == np.float32


def test_a_constant_channel_does_not_divide_by_zero() -> None:
    values = {
        "wave": np.full((4, 5, 2), 80.0),
        "chart": np.full((4, 5, 2), 2.0),
        "kind": np.full((4, 1, 2), 1.0),
    }
    normaliser = Normaliser.fit(SCHEMA, values)
    np.testing.assert_array_equal(normaliser.apply("chart", np.full((1, 2, 2), 2.0)), np.zeros((1, 2, 2)))


def test_per_record_scaling_needs_the_records_context() -> None:
    normaliser = Normaliser({"wave": (Scale("record", 0.0, 0.05), Scale("zscore"))})
    with pytest.raises(InputError, match="no record context"):
        normaliser.apply("wave", np.zeros((3, 2)))


def test_only_the_rows_named_are_fitted_on() -> None:
    cohort = stays(20)
    before = cohort.fit_normaliser(range(10))
    for values in cohort.values.values():
        values[10:] *= 5
    assert cohort.fit_normaliser(range(10)) == before
    assert cohort.fit_normaliser(range(20)) != before


def test_the_normaliser_survives_json() -> None:
    normaliser = stays(20).fit_normaliser(range(20))
    assert {s.mode for scales in normaliser.scales.values() for s in scales} == {"zscore", "flag"}
    assert Normaliser.from_json(json.loads(json.dumps(normaliser.to_json()))) == normaliser


def test_padding_masks_and_presence() -> None:
    normaliser = Normaliser(
        {"wave": (Scale("zscore"),) * 2, "chart": (Scale("zscore"),) * 2, "kind": (Scale("flag"),) * 2}
    )
    short = record("short", wave=[[1, NAN], [2, NAN]], chart=[[NAN, NAN]], kind=[[1, 0]])
    long = record("long", wave=[[5, 6]] * 4, chart=[[1, NAN]], kind=[[NAN, NAN]])
    batch = collate(SCHEMA, normaliser, [short, long])
    assert batch.ids == ("short", "long")
    assert batch.x["wave"].shape == (2, 4, 2)
    assert batch.valid["wave"].tolist() == [[True, True, False, False], [True] * 4]
    assert batch.observed["wave"][0].tolist() == [[True, False], [True, False], [False] * 2, [False] * 2]
    assert batch.x["wave"][0].tolist() == [[1, 0], [2, 0], [0, 0], [0, 0]]
    assert batch.valid["chart"].all()
    assert batch.present.tolist() == [[True, False, True], [True, True, False]]
    assert {batch.x["chart"].dtype, batch.x["kind"].dtype} == {torch.float32}
    assert collate(SCHEMA, normaliser, [short]).x["wave"].shape == (1, 2, 2)


def test_records_that_do_not_follow_the_schema_are_named() -> None:
    with pytest.raises(InputError, match="'chart' is missing") as error:
        stack(SCHEMA, [record("one", wave=[[1, 2]])])
    assert error.value.source == "one.txt"
    with pytest.raises(InputError, match="1 channels wide"):
        stack(SCHEMA, [record("one", wave=[[1]], chart=[[1, 2]], kind=[[1, 2]])])
    with pytest.raises(InputError, match="no record"):
        collate(SCHEMA, Normaliser({}), [])


def test_a_cohort_survives_its_file(tmp_path: Path) -> None:
    cohort = replace(stays(5), refused=("a.txt: no label",))
    cohort.save(tmp_path / "stays.npz")
    again = Cohort.load(tmp_path / "stays.npz")
    assert (again.ids, again.groups, again.refused) == (cohort.ids, cohort.groups, cohort.refused)
    assert again.task is cohort.task
    assert again.digest() == cohort.digest()
    np.testing.assert_array_equal(again.labels, cohort.labels)
    for name in cohort.values:
        np.testing.assert_array_equal(again.values[name], cohort.values[name])
    assert read_folders(cohort.task, [tmp_path / "stays.npz"]).digest() == cohort.digest()


def test_the_digest_sees_every_part() -> None:
    cohort = stays(5)
    values = {**cohort.values, "labs": np.nan_to_num(cohort.values["labs"], nan=1.0)}
    context = {**cohort.context, "labs": np.zeros_like(cohort.context["labs"])}
    for other in (
        replace(cohort, ids=("x", *cohort.ids[1:])),
        replace(cohort, labels=1 - cohort.labels),
        replace(cohort, values=values),
        replace(cohort, context=context),
    ):
        assert other.digest() != cohort.digest()
    assert replace(cohort, refused=("x",)).digest() == cohort.digest()


def test_a_file_of_another_task_is_refused(tmp_path: Path) -> None:
    stays(5).save(tmp_path / "stays.npz")
    with pytest.raises(InputError, match="a cohort of icu_mortality"):
        read_folders(get_task("icu_alarm"), [tmp_path / "stays.npz"])


def resaved(path: Path, **changes: object) -> None:
    """The file with some of its arrays changed, or left out where None."""
    with np.load(path, allow_pickle=True) as store:
        arrays = {k: v for k, v in {**dict(store), **changes}.items() if v is not None}
    np.savez(path, **arrays)


@pytest.mark.parametrize("changed", [{"version": 2}, {"schema": "0" * 16}, {"task": "icu_flying"}])
def test_another_version_schema_or_task_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "stays.npz"
    stays(5).save(path)
    with np.load(path) as store:
        head = json.loads(str(store["head"]))
    resaved(path, head=np.array(json.dumps(head | changed)))
    with pytest.raises(InputError) as error:
        Cohort.load(path)
    assert error.value.source == ("task" if "task" in changed else str(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"head": None},
        {"labels": None},
        {"values/labs": None},
        {"head": np.array("{")},
        {"head": np.array("[]")},
        {"values/labs": np.zeros((5, 48, 3), np.float32)},
        {"values/labs": np.zeros((4, 48, 19), np.float32)},
        {"labels": np.zeros(4, np.float32)},
        {"ids": np.array([{"a": 1}] * 5, object)},
    ],
)
def test_a_file_with_a_wrong_part_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "stays.npz"
    stays(5).save(path)
    resaved(path, **changes)
    with pytest.raises(InputError) as error:
        Cohort.load(path)
    assert error.value.source == str(path)


@pytest.mark.parametrize("blob", [b"", b"not a zip", b"PK\x03\x04 not quite a zip", b"\x80\x04K\x01."])
def test_garbage_instead_of_a_cohort_is_refused(tmp_path: Path, blob: bytes) -> None:
    path = tmp_path / "stays.npz"
    path.write_bytes(blob)
    with pytest.raises(InputError) as error:
        Cohort.load(path)
    assert error.value.source == str(path)


def test_a_truncated_cohort_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stays.npz"
    stays(5).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError):
        Cohort.load(path)


def folder(root: Path, ids: Mapping[str, int]) -> Path:
    """A folder of stays, each with its own heart rate, and their outcomes."""
    root.mkdir(parents=True)
    lines = ["RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"]
    for record_id, died in ids.items():
        write_stay(root, record_id, STAY.replace("140001", record_id).replace("HR,88", f"HR,{60 + int(record_id[-1])}"))
        lines.append(f"{record_id},10,5,8,-1,{died}")
    (root / "Outcomes-x.txt").write_text("\n".join(lines) + "\n")
    return root


def test_the_digest_is_of_the_data_and_not_of_where_it_lies(tmp_path: Path) -> None:
    task = get_task("icu_mortality")
    a = folder(tmp_path / "one" / "a", {"140001": 0, "140004": 1})
    b = folder(tmp_path / "one" / "b", {"140002": 1, "140003": 0})
    together = folder(tmp_path / "two" / "all", {"140003": 0, "140004": 1, "140001": 0, "140002": 1})
    first = read_folders(task, [a, b], progress=False)
    assert first.ids == ("140001", "140002", "140003", "140004")
    assert first.labels.tolist() == [0, 1, 0, 1]
    assert read_folders(task, [b, a], progress=False).digest() == first.digest()
    assert read_folders(task, [together], progress=False).digest() == first.digest()
    other = folder(tmp_path / "three" / "all", {"140003": 0, "140004": 1, "140001": 0, "140002": 0})
    assert read_folders(task, [other], progress=False).digest() != first.digest()


def test_a_record_in_two_folders_is_refused(tmp_path: Path) -> None:
    a = folder(tmp_path / "one" / "a", {"140001": 0, "140002": 1})
    b = folder(tmp_path / "two" / "b", {"140002": 1})
    with pytest.raises(InputError, match="record 140002 is in"):
        read_folders(get_task("icu_mortality"), [a, b], progress=False)


def test_unusable_and_unlabelled_records_are_counted_with_their_reasons(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", {"140001": 0, "140002": 1})
    write_stay(root, "140003")
    (root / "140004.txt").write_text("Time,Parameter,Value\n")
    cohort = read_folders(get_task("icu_mortality"), [root], progress=False)
    assert cohort.ids == ("140001", "140002")
    assert len(cohort.refused) == 2
    assert "140003.txt: no label 'in_hospital_death'" in cohort.refused[0]
    assert "140004.txt" in cohort.refused[1]


def test_a_folder_without_labelled_records_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    write_stay(tmp_path, "140003")
    with pytest.raises(InputError, match=r"none of 1 records can be used\. First reason: .*no label"):
        read_folders(get_task("icu_mortality"), [tmp_path], progress=False)


ANSWERS = ("SAPS-I", "SOFA", "Length_of_stay", "Survival")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_no_task_reads_an_answer(name: str) -> None:
    """SAPS-I, SOFA, Length_of_stay, Survival and every target are answers: no channel is called like one."""
    schema = get_task(name).schema
    channels = {c.name.lower().replace("-", "_") for spec in schema.modalities for c in spec.channels}
    answers = {a.lower().replace("-", "_") for a in (*ANSWERS, "SAPS", "In-hospital_death", *schema.targets)}
    assert not channels & answers


@pytest.mark.parametrize("name", ["icu_mortality", "vitals_forecast"])
def test_scores_and_lengths_of_stay_never_reach_a_cohort(tmp_path: Path, name: str) -> None:
    """Changing them, beside the records or as rows in them, changes nothing. Death, too, is no input."""
    digests, values = set(), []
    for k, scores in enumerate(("10,5,8,-1", "40,20,90,3")):
        root = folder(tmp_path / str(k) / "a", {"140001": 0, "140002": 1})
        outcomes = root / "Outcomes-x.txt"
        outcomes.write_text(outcomes.read_text().replace("10,5,8,-1", scores))
        for record_id in ("140001", "140002"):
            stay = root / f"{record_id}.txt"
            rows = "".join(f"02:00,{a},{k}\n" for a in (*ANSWERS, "In-hospital_death"))
            stay.write_text(stay.read_text() + rows + "37:00,HR,90\n")
        digests.add(read_folders(get_task(name), [root], progress=False).digest())
        outcomes.write_text(outcomes.read_text().replace(",0\n", ",1\n"))
        values.append(read_folders(get_task(name), [root], progress=False).values)
    assert len(digests) == 1
    for modality, one in values[0].items():
        np.testing.assert_array_equal(one, values[1][modality])


def test_an_alarms_answer_never_reaches_a_cohort(tmp_path: Path) -> None:
    task, found = get_task("icu_alarm"), []
    for said in ("True alarm", "False alarm"):
        root = tmp_path / said[0]
        root.mkdir()
        signals = np.column_stack([ramp(2, 20 * RATE)])
        write_wfdb(root, "a101l", signals, comments=["Asystole", said])
        record = read_record(root / "a101l.hea")
        found.append(task.prepare(replace(record, meta=replace(record.meta, alarm=Alarm("Asystole", 20 / 3600)))))
    assert [task.label_of(r) for r in found] == [1.0, 0.0]
    for modality, one in found[0].values.items():
        np.testing.assert_array_equal(one, found[1].values[modality])


def test_outcomes_without_the_tasks_column_are_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", {"140001": 0, "140002": 1})
    outcomes = root / "Outcomes-x.txt"
    outcomes.write_text(outcomes.read_text().replace("In-hospital_death", "Died"))
    with pytest.raises(
        InputError, match=r"Outcomes-x\.txt: no column In-hospital_death; its columns: RecordID, SAPS-I"
    ):
        read_folders(get_task("icu_mortality"), [root], progress=False)


def test_no_other_column_stands_in_for_the_label(tmp_path: Path) -> None:
    """A column of lengths of stay under the label's name is no outcome, and neither is one beside it."""
    root = folder(tmp_path / "a", {"140001": 8, "140002": 12})
    with pytest.raises(InputError, match="none of 2 records can be used"):
        read_folders(get_task("icu_mortality"), [root], progress=False)


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", {"140001": 0, "140002": 1})
    (root / "more").mkdir()
    write_stay(root / "more", "140002")
    with pytest.raises(InputError, match="1 ids that occur twice, such as 140002"):
        read_folders(get_task("icu_mortality"), [root], progress=False)


def test_an_id_with_two_outcomes_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", {"140001": 0, "140002": 1})
    outcomes = root / "Outcomes-x.txt"
    outcomes.write_text(outcomes.read_text() + "140001,10,5,8,-1,1\n")
    with pytest.raises(InputError, match="1 ids that occur twice, such as 140001"):
        read_folders(get_task("icu_mortality"), [root], progress=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ids": np.array(["a", "b", "a", "c", "a"])}, "2 ids that occur twice"),
        ({"labels": np.array([0, 1, 0, 1, 2], np.float32)}, "neither 0 nor 1"),
        ({"labels": np.array([0, 1, 0, 1, NAN], np.float32)}, "neither 0 nor 1"),
    ],
)
def test_a_prepared_file_with_doubtful_labels_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = tmp_path / "stays.npz"
    stays(5).save(path)
    resaved(path, **changes)
    with pytest.raises(InputError, match=said):
        Cohort.load(path)


def test_normalised_values_come_back_in_their_unit() -> None:
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(size=(50, 3, 2))).astype(np.float32)
    normaliser = Normaliser(
        {"labs": (Scale("zscore", 1.2, 0.7), Scale("log", 0.9, 0.4)), "wave": (Scale("record", 0.0, 0.05),)}
    )
    scaled = normaliser.apply("labs", values)
    for c in range(2):
        inside = np.abs(scaled[..., c]) < CLIP
        np.testing.assert_allclose(
            normaliser.physical("labs", c, scaled[..., c])[inside], values[..., c][inside], rtol=1e-4
        )
    with pytest.raises(InputError, match="own level"):
        normaliser.physical("wave", 0, np.zeros(3))
