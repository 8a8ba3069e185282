"""The only place that loads, runs and caches. Results leave as numpy views; nothing here draws.

Models are cached by their checkpoint's hash, results by record hash, model hash and settings: never by a name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
import torch

from amfn.checkpoint import CONFIG, WEIGHTS, Checkpoint, fingerprint, load_checkpoint
from amfn.origin import SAMPLES, simulated
from amfn.readers import Folder, RecordRef, open_folder
from amfn.readers.csv_mapping import mapping_path
from amfn.tasks import TASKS, get_task
from amfn.types import InputError, Record, Schema
from app import signals
from app.certainty import certainty
from app.performance import model_facts as _model_facts
from app.performance import performance as _measured
from app.reading import Assumed, task_record
from app.text import clock
from app.views import Analysis, Case, Listing, ModelFacts, NoFolder, NoSuchRecord, Performance
from explain.gradients import integrated_gradients
from explain.narrative import one_sentence
from explain.reality import reality_of
from explain.shapley import coalitions, fuse_subsets
from explain.types import Attribution

ROOT = Path(__file__).resolve().parents[1]
FORMATS: Mapping[str, tuple[str, ...]] = {"icu_mortality": ("challenge2012", "meds"), "icu_alarm": ("wfdb", "csv")}
"""The tasks on the screens, and which readers' records each takes."""
UNKNOWN = "not recorded"
PARTS = ("attention", "adjacency", "gates", "weights", "node_logits", "bias")

# One record is too little work to share between cores: a second thread costs more than it gives.
torch.set_num_threads(1)


def task_titles() -> dict[str, str]:
    return {name: get_task(name).wording.title for name in FORMATS}


def schema(task: str) -> Schema:
    return get_task(task).schema


def group_title(task: str) -> str:
    """What the task's subgroup is called ("Alarm type")."""
    return get_task(task).wording.group


def sample_folder(task: str) -> str:
    return str(SAMPLES / task)


def is_sample(listed: Listing) -> bool:
    """True for the simulated patients that come with the program."""
    return Path(listed.folder).is_relative_to(SAMPLES)


def checkpoint_folder() -> Path:
    """`checkpoints/`, or the folder that AMFN_CHECKPOINTS names; one subfolder per task."""
    return Path(os.environ.get("AMFN_CHECKPOINTS") or ROOT / "checkpoints").expanduser()


def checkpoint(task: str) -> Checkpoint:
    """The task's model. Raises InputError where there is none or it is not as its config says."""
    path = checkpoint_folder() / get_task(task).name
    try:
        return checkpoint_at(path)
    except OSError as error:
        raise InputError(
            path,
            f"no trained model for {get_task(task).wording.title}",
            f"a checkpoint folder with {CONFIG} and {WEIGHTS}",
            f"Restore it, or train one: python -m amfn train {task}",
        ) from error


def checkpoint_at(path: Path) -> Checkpoint:
    """Any model by its folder. Raises OSError where it has no config, InputError where it is not as that says."""
    # config.json states the hash of every weights file, and loading holds them to it: its own hash stands for all.
    config_hash = hashlib.sha256((path / CONFIG).read_bytes()).hexdigest()
    return _load(str(path), config_hash)


@st.cache_resource(max_entries=8, show_spinner="Loading the model …")
def _load(path: str, config_hash: str) -> Checkpoint:
    return load_checkpoint(path)


def listing(folder: str, task: str) -> Listing:
    """The records in `folder` that the task takes; nothing is read but names. Raises InputError with what to do."""
    if not folder.strip():
        raise NoFolder()
    path = Path(folder.strip()).expanduser()
    stamp = _stamp(path)
    found = _open(str(path), stamp)
    ids = tuple(ref.record_id for ref in found.refs if ref.format in FORMATS[get_task(task).name])
    return Listing(str(path), task, ids, stamp, found.findings)


def opened_folder(listed: Listing) -> Folder:
    """The folder behind a listing, with where each record lies."""
    return _open(listed.folder, listed.stamp)


def tasks_in(folder: str) -> tuple[str, ...]:
    """The tasks for which `folder` holds records."""
    return tuple(task for task in FORMATS if listing(folder, task).ids)


@st.cache_resource(max_entries=8, show_spinner="Looking into the folder …")
def _open(path: str, stamp: str) -> Folder:
    return open_folder(path)


def _stamp(path: Path) -> str:
    """Times of a folder and of those two levels below it: they change when a file comes, goes or is replaced."""
    times = [_modified(path)]
    for base, folders, _ in os.walk(path):
        depth = len(Path(base).relative_to(path).parts)
        times += [_modified(Path(base) / name) for name in sorted(folders)]
        if depth >= 1:
            folders.clear()
    return hashlib.sha256(repr(times).encode()).hexdigest()[:16]


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    record: Record
    prepared: Record
    digest: str
    assumed: bool = False
    simulated: bool = False


def located(listed: Listing, record_id: str) -> RecordRef:
    """Where a record of the listing lies. Raises NoSuchRecord, or InputError for a record of another task."""
    found = opened_folder(listed)
    if record_id not in {ref.record_id for ref in found.refs}:
        raise NoSuchRecord(record_id, listed)
    ref = found.find(record_id)
    if ref.format not in FORMATS[listed.task]:
        raise InputError(
            ref.path,
            f"a record in the format {ref.format}",
            f"one of the {len(listed.ids)} records for {task_titles()[listed.task]}",
            "Choose the other task for this record.",
        )
    return ref


def modified(ref: RecordRef) -> tuple[int, ...]:
    """Times of a record's files: part of the key of what is cached of it."""
    beside = (ref.path, ref.path.with_suffix(".dat"), ref.path.with_suffix(".mat"), mapping_path(ref.path))
    return tuple(_modified(path) for path in beside)


def _loaded(listed: Listing, record_id: str, assumed: Assumed | None = None) -> _Loaded:
    ref = located(listed, record_id)
    return _read(ref, modified(ref), listed.task, assumed)


@st.cache_data(max_entries=24, show_spinner=False)
def _read(ref: RecordRef, modified: tuple[int, ...], task: str, assumed: Assumed | None) -> _Loaded:
    record = task_record(ref, task, assumed)
    return _Loaded(record, get_task(task).prepare(record), record.digest(), assumed is not None, simulated(ref))


def prepared(listed: Listing, record_id: str) -> Record:
    """One record as its task reads it. Raises InputError where it cannot be used."""
    return _loaded(listed, record_id).prepared


def case(listed: Listing, record_id: str, assumed: Assumed | None = None) -> Case:
    """One record, read and analysed; assumed: with this alarm instead of its own. Raises NoAlarm where the task asks
    about an alarm and there is none, InputError where the record or the model cannot be used."""
    return _case(listed, _loaded(listed, record_id, assumed))


def altered_case(opened: Case, record: Record) -> Case:
    """The same patient with other values: prepared and analysed like the original. Raises InputError where the task
    cannot use what is left of it."""
    task = get_task(opened.listing.task)
    loaded = _Loaded(record, task.prepare(record), record.digest(), opened.assumed, opened.simulated)
    return _case(opened.listing, loaded)


def _case(listed: Listing, loaded: _Loaded) -> Case:
    model = checkpoint(listed.task)
    wording = model.task.wording
    known = model.task.label_of(loaded.record)
    return Case(
        listing=listed,
        record=loaded.record,
        prepared=loaded.prepared,
        digest=loaded.digest,
        facts=_facts(loaded),
        stated=_stated(loaded.prepared),
        group=model.task.group(loaded.prepared),
        simulated=loaded.simulated,
        trained_on=fingerprint(loaded.record.record_id) in model.fold_of,
        noun=wording.event,
        positive=wording.positive,
        outcome=None if known is None else wording.positive if known else wording.negative,
        analysis=_analyse(loaded.digest, model.digest, loaded.prepared, model),
        assumed=loaded.assumed,
    )


def _facts(loaded: _Loaded) -> tuple[str, ...]:
    """Age, sex and ICU type, or alarm type and time: what a banner says of the patient."""
    facts = []
    stated = dict(_stated(loaded.prepared))
    if stated:
        age, sex, icu = (stated[name] for name in ("Age", "Sex", "ICU type"))
        facts.append(f"Age {UNKNOWN}" if age == UNKNOWN else age)
        facts.append(f"Sex {UNKNOWN}" if sex == UNKNOWN else sex)
        facts.append(f"ICU type {UNKNOWN}" if icu == UNKNOWN else f"{icu} ICU")
    alarm = loaded.record.meta.alarm
    if alarm is not None:
        said = ", assumed by the user" if loaded.assumed else ""
        facts.append(f"{TASKS['icu_alarm'].group(loaded.prepared)} alarm at {clock(alarm.hours * 3600)}{said}")
        facts += _lacking(loaded.prepared)
    return tuple(facts)


def _lacking(prepared: Record) -> list[str]:
    """What was not recorded of the seconds before the alarm that the model looks at."""
    start, stop = signals.window_s(prepared, schema("icu_alarm"))
    missing = signals.unrecorded_s(prepared, schema("icu_alarm"))
    return [f"{missing:.0f} of {stop - start:.0f} s before it are missing"] if missing >= 0.5 else []


def _stated(prepared: Record) -> tuple[tuple[str, str], ...]:
    """Age, sex, height, weight and ICU type in words; empty where the task has no such values."""
    if "demographics" not in prepared.values:
        return ()
    row = {
        c.name: (c, float(v))
        for c, v in zip(prepared.channels["demographics"], prepared.values["demographics"][0], strict=True)
    }

    def measured(name: str, digits: int) -> str:
        channel, value = row[name]
        return UNKNOWN if np.isnan(value) else f"{value:.{digits}f} {channel.unit}"

    male, icu = row["male"][1], TASKS["icu_mortality"].group(prepared)
    return (
        ("Age", measured("Age", 0)),
        ("Sex", UNKNOWN if np.isnan(male) else "Male" if male else "Female"),
        ("Height", measured("Height", 0)),
        ("Weight on admission", measured("Weight", 1)),
        ("ICU type", UNKNOWN if icu == "unknown" else icu),
    )


@st.cache_data(max_entries=128, show_spinner=False)
def _analyse(record_digest: str, weights: str, _prepared: Record, _model: Checkpoint) -> Analysis:
    """All subsets of the record's modalities in one batch, encoders run once."""
    model, spec = _model.model, _model.task.schema
    with torch.no_grad():
        encoded = model.encode(_model.batch([_prepared]))
    masks, prediction = fuse_subsets(model, encoded)
    present = encoded.present[0].numpy()
    logits = prediction.logits[:, 0].double().numpy()
    game = coalitions(model, encoded, prediction)
    shapley = game.shapley()
    titles = tuple(modality.title for modality in spec.modalities)
    risks = 1 / (1 + np.exp(-logits))
    members = [] if prediction.members is None else prediction.members[:, -1, 0].tolist()
    parts = {name: getattr(prediction.trace, name) for name in PARTS}
    arrays = {name: tensor.numpy() for name, tensor in parts.items() if tensor is not None}
    for name in {"node_logits", "bias"} & set(arrays):
        arrays[name] = arrays[name][..., 0]
    return Analysis(
        names=spec.names,
        titles=titles,
        present=present,
        masks=masks,
        logits=logits,
        risks=risks,
        parts=arrays,
        shapley=shapley,
        empty_logit=game.empty,
        base_rate=_model.base_rate,
        sentence=one_sentence(
            risk=float(risks[-1]),
            base_rate=_model.base_rate,
            contributions=dict(zip(spec.names, shapley.tolist(), strict=True)),
            titles=dict(zip(spec.names, titles, strict=True)),
            missing=[name for name, here in zip(spec.names, present, strict=True) if not here],
            noun=f"chance of {_model.task.wording.event}",
        ),
        certainty=certainty(_model, float(logits[-1]), members, present),
        reality=reality_of(model, encoded, prediction),
    )


def attribution(opened: Case, steps: int, refine: bool) -> Attribution:
    """Integrated Gradients of one record, its values on the model's own grid."""
    model = checkpoint(opened.listing.task)
    return _attribute(opened.digest, model.digest, steps, refine, opened.prepared, model)


@st.cache_data(max_entries=64, show_spinner=False)
def _attribute(
    record_digest: str, weights: str, steps: int, refine: bool, _prepared: Record, _model: Checkpoint
) -> Attribution:
    return integrated_gradients(_model.model, _model.batch([_prepared]), steps=steps, refine=refine)


def baseline(opened: Case) -> str:
    """What the attributions start from, in words."""
    model = checkpoint(opened.listing.task)
    here = [name for name, present in zip(opened.analysis.names, opened.analysis.present, strict=True) if present]
    return model.normaliser.zero(model.task.schema, here)


def model_facts(task: str) -> ModelFacts:
    return _model_facts(checkpoint(task))


def performance(task: str) -> Performance:
    """How the task's model did on records it had not seen."""
    model = checkpoint(task)
    return _performance(model.digest, model)


@st.cache_data(max_entries=8, show_spinner="Measuring …")
def _performance(weights: str, _model: Checkpoint) -> Performance:
    return _measured(_model)
