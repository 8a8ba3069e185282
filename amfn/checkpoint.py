"""A checkpoint is a folder: config.json, model.safetensors, calibration.safetensors, MODEL_CARD.md, and folds/.

model.safetensors holds all members of the ensemble, folds/k.safetensors those of fold k, which never saw its records;
all in half precision. config.json holds architecture, schema digest, normalisation, provenance and the SHA-256 of every
tensor file. It loads only where hash, schema digest, every key and every shape agree. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from amfn.batch import Normaliser, TargetScale, collate
from amfn.calibration import Calibration
from amfn.fusion import build_fusion, config_to_dict
from amfn.fusion.ensemble import Ensemble
from amfn.tasks import Task, get_task
from amfn.types import Batch, InputError, Record

FORMAT = 2
KINDS: Mapping[str, type] = {
    "format": int, "task": str, "schema": str, "fusion": str, "architecture": dict, "ensemble": dict,
    "folds": list, "sha256": dict, "provenance": dict,
}  # fmt: skip
CONFIG, WEIGHTS, CALIBRATION, CARD = "config.json", "model.safetensors", "calibration.safetensors", "MODEL_CARD.md"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An ensemble with the normalisation that all its networks were trained under, and for a regression with what turns
    its outputs into physical units."""

    model: Ensemble
    normaliser: Normaliser
    targets: TargetScale | None = None

    def batch(self, records: Sequence[Record]) -> Batch:
        """Prepared records -> the batch this member reads."""
        return collate(self.model.schema, self.normaliser, records)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A loaded checkpoint. digest: first 16 hex digits of a SHA-256 over weights, calibration, architecture, prior and
    normalisation, the cache key of every result.

    fold_of: fingerprint of each training record -> the fold whose networks have not seen it. calibration: temperature
    and out-of-fold answers; None where none was fitted. targets: None but for a regression.
    """

    path: Path
    digest: str
    task: Task
    model: Ensemble
    normaliser: Normaliser
    targets: TargetScale | None
    base_rate: float
    provenance: Mapping[str, Any]
    architecture: Mapping[str, Any]
    card: str
    fold_of: Mapping[str, int]
    calibration: Calibration | None

    def batch(self, records: Sequence[Record]) -> Batch:
        """Prepared records -> the batch this model reads."""
        return collate(self.model.schema, self.normaliser, records)


def save_checkpoint(
    path: Path,
    member: Member,
    provenance: Mapping[str, Any],
    card: str,
    folds: Sequence[Member] = (),
    calibration: Calibration | None = None,
) -> None:
    """Write a checkpoint. All networks share one architecture; config.json is written last, so that a folder without it
    is unfinished and never loads. Files of an earlier checkpoint in the same folder do not stay behind."""
    (path / "folds").mkdir(parents=True, exist_ok=True)
    (path / CONFIG).unlink(missing_ok=True)
    for old in path.rglob("*.safetensors"):
        old.unlink()
    first = member.model.networks[0]
    stored = {WEIGHTS: _to_bytes(member.model)}
    stored |= {f"folds/{k}.safetensors": _to_bytes(fold.model) for k, fold in enumerate(folds)}
    if calibration is not None:
        stored[CALIBRATION] = save_tensors(calibration.to_tensors())
    for name, blob in stored.items():
        (path / name).write_bytes(blob)
    config = {
        "format": FORMAT,
        "task": first.schema.task,
        "schema": first.schema.digest(),
        "fusion": first.name,
        "architecture": config_to_dict(first.config),
        "ensemble": _describe(member),
        "folds": [_describe(fold) for fold in folds],
        "sha256": {name: hashlib.sha256(blob).hexdigest() for name, blob in stored.items()},
        "provenance": dict(provenance),
    }
    (path / CARD).write_text(card, encoding="utf-8")
    (path / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _describe(member: Member) -> dict[str, Any]:
    return {
        "priors": [list(m.prior) for m in member.model.networks],
        "normalisation": member.normaliser.to_json(),
        "targets": None if member.targets is None else member.targets.to_json(),
    }


def half(tensor: Tensor) -> Tensor:
    """Half precision for floats, counters as they are."""
    return tensor.half() if tensor.is_floating_point() else tensor


def _to_bytes(model: Ensemble) -> bytes:
    return save_tensors({k: half(v.detach().cpu()).contiguous() for k, v in model.state_dict().items()})


def fingerprint(record_id: str) -> str:
    """A short key of a training record: 10 hex digits of the id's SHA-256. It hides nothing."""
    return hashlib.sha256(record_id.encode()).hexdigest()[:10]


def find_checkpoints(folder: Path) -> dict[str, Path]:
    """Name -> path of every checkpoint folder directly under `folder`, sorted; empty where there is none."""
    return {p.parent.name: p.parent for p in sorted(Path(folder).glob(f"*/{CONFIG}"))}


@contextmanager
def _blaming(file: Path) -> Iterator[None]:
    """What is wrong with a value of a file is said with that file's name."""
    try:
        yield
    except InputError as error:
        raise InputError(file, f"{error.source}: {error.came}", error.expected, error.mend) from error


def _read_config(path: Path) -> dict[str, Any]:
    file = path / CONFIG
    mend = "Choose the folder that `python -m amfn train` wrote, or train again."
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(path, "no config.json", "a finished checkpoint folder", mend) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(file, f"not readable as JSON ({error})", "the config of a checkpoint", mend) from error
    if isinstance(config, dict) and config.keys() - KINDS.keys():
        unknown = ", ".join(sorted(config.keys() - KINDS.keys()))
        raise InputError(file, f"unknown key(s) {unknown}", f"the keys {', '.join(sorted(KINDS))}", mend)
    if not isinstance(config, dict) or not KINDS.keys() <= config.keys():
        lacking = sorted(KINDS.keys() - (config.keys() if isinstance(config, dict) else ()))
        raise InputError(file, f"no {', '.join(lacking)}", f"the keys {', '.join(sorted(KINDS))}", mend)
    wrong = [key for key, kind in KINDS.items() if type(config[key]) is not kind]
    if wrong:
        raise InputError(
            file, f"{wrong[0]} is {json.dumps(config[wrong[0]])[:60]}", f"a JSON {KINDS[wrong[0]].__name__}", mend
        )
    if config["format"] != FORMAT:
        raise InputError(file, f"format {config['format']}", f"format {FORMAT}", mend)
    with _blaming(file):
        digest = get_task(config["task"]).schema.digest()
    if config["schema"] != digest:
        raise InputError(
            file, f"schema {config['schema']} of {config['task']}", f"schema {digest}",
            "The task's channels changed since this model was trained: train again.",
        )  # fmt: skip
    return config


def _load_weights(path: Path, name: str, config: Mapping[str, Any]) -> tuple[dict[str, Tensor], str]:
    file = path / name
    mend = "Restore the file from where it came, or train again."
    try:
        blob = file.read_bytes()
    except OSError as error:
        raise InputError(file, f"not readable ({error.strerror})", "the weights of this checkpoint", mend) from error
    digest = hashlib.sha256(blob).hexdigest()
    if digest != config["sha256"].get(name):
        raise InputError(
            file, f"SHA-256 {digest[:16]}…", f"{str(config['sha256'].get(name))[:16]}… as {CONFIG} states", mend
        )
    try:
        return load_tensors(blob), digest
    except SafetensorError as error:
        raise InputError(file, f"not safetensors ({error})", "a safetensors file", mend) from error


def _member(
    path: Path, name: str, config: Mapping[str, Any], own: object, calibration: Calibration | None
) -> tuple[Member, str]:
    """An ensemble and the SHA-256 of its weights. own: the part of the config that is this ensemble's, the prior of
    every network and their normalisation."""
    task = get_task(config["task"])
    schema = task.schema
    with _blaming(path / CONFIG):
        priors = own.get("priors") if isinstance(own, dict) else None
        normalisation = own.get("normalisation") if isinstance(own, dict) else None
        if not isinstance(priors, list) or not priors or not all(_numbers(prior) for prior in priors):
            raise InputError(
                "priors", f"{priors!r}"[:80], "a list of numbers for every network", "Restore config.json."
            )
        if not isinstance(normalisation, dict):
            raise InputError("normalisation", f"{normalisation!r}"[:80], "scales by modality", "Restore config.json.")
        normaliser = Normaliser.from_json(normalisation)
        normaliser.require(schema)
        scale = own.get("targets") if isinstance(own, dict) else None
        if (scale is None) != (task.kind == "binary"):
            raise InputError("targets", f"{scale!r}"[:80], f"those of a {task.kind} task", "Restore config.json.")
        targets = None if scale is None else TargetScale.from_json(scale, len(schema.targets))
        model = Ensemble(
            [build_fusion(config["fusion"], schema, config["architecture"], tuple(prior)) for prior in priors],
            *((calibration.temperature, calibration.shift) if calibration else ()),
        )
    weights, digest = _load_weights(path, name, config)
    return Member(_filled(path / name, model, weights), normaliser, targets), digest


def _numbers(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(v, float) for v in values)


def _load_calibration(path: Path, config: Mapping[str, Any]) -> Calibration | None:
    if CALIBRATION not in config["sha256"]:
        return None
    tensors, _ = _load_weights(path, CALIBRATION, config)
    with _blaming(path / CALIBRATION):
        return Calibration.from_tensors(tensors)


def _filled(file: Path, model: Ensemble, weights: Mapping[str, Tensor]) -> Ensemble:
    state = model.state_dict()
    shapes = {k: tuple(v.shape) for k, v in state.items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    if shapes != found:
        wrong = sorted(k for k in shapes.keys() | found.keys() if shapes.get(k) != found.get(k))
        raise InputError(
            file, f"{len(wrong)} keys or shapes differ, first {wrong[0]!r}", "the weights of this architecture",
            "Restore config.json and weights together, or train again.",
        )  # fmt: skip
    broken = [k for k, v in weights.items() if not bool(v.isfinite().all())]
    if broken:
        raise InputError(
            file, f"{broken[0]!r} is not finite", "numbers only", "Train again with a lower learning rate."
        )
    model.load_state_dict({k: v.to(state[k].dtype) for k, v in weights.items()})
    # Without gradients on weights, no explainer can leave one behind and shared models stay as they are.
    return model.eval().requires_grad_(False)


def _identity(weights: str, config: Mapping[str, Any]) -> str:
    """Weights do not predict alone: architecture, prior and normalisation are part of what a result is cached under."""
    rest = {key: config[key] for key in ("task", "schema", "fusion", "architecture", "ensemble")}
    calibration = config["sha256"].get(CALIBRATION, "")
    return hashlib.sha256(f"{weights}{calibration}{json.dumps(rest, sort_keys=True)}".encode()).hexdigest()[:16]


def _fold_of(file: Path, config: Mapping[str, Any]) -> dict[str, int]:
    folds = config["provenance"].get("fold_of", {})
    fits = isinstance(folds, dict) and all(type(k) is int and 0 <= k < len(config["folds"]) for k in folds.values())
    if not fits:
        raise InputError(
            file, "fold_of with something else than folds", f"record keys with 0 to {len(config['folds']) - 1}",
            "Restore config.json, or train again.",
        )  # fmt: skip
    return folds


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Load strictly. Raises InputError naming the file where hash, schema, keys or shapes do not match."""
    path = Path(path)
    config = _read_config(path)
    calibration = _load_calibration(path, config)
    member, digest = _member(path, WEIGHTS, config, config["ensemble"], calibration)
    card = path / CARD
    try:
        facts = card.read_text(encoding="utf-8", errors="replace") if card.exists() else ""
    except OSError as error:
        raise InputError(
            card, f"not readable ({error.strerror})", "a text file", "Restore it, or delete it."
        ) from error
    return Checkpoint(
        path=path,
        digest=_identity(digest, config),
        task=get_task(config["task"]),
        model=member.model,
        normaliser=member.normaliser,
        targets=member.targets,
        base_rate=float(torch.sigmoid(member.model.prior_logit[0].double())),
        provenance={k: v for k, v in config["provenance"].items() if k != "fold_of"},
        architecture={"system": config["fusion"], **config["architecture"]},
        card=facts,
        fold_of=_fold_of(path / CONFIG, config),
        calibration=calibration,
    )


def load_folds(path: Path | str) -> list[Member]:
    """The ensembles of the folds, each trained without one fifth of the data, with the checkpoint's temperature; empty
    where none were stored."""
    path = Path(path)
    config = _read_config(path)
    calibration = _load_calibration(path, config)
    return [
        _member(path, f"folds/{k}.safetensors", config, fold, calibration)[0] for k, fold in enumerate(config["folds"])
    ]
