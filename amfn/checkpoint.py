"""A checkpoint is a folder: config.json, model.safetensors, MODEL_CARD.md, and fold weights under folds/.

config.json holds architecture, schema digest, normalisation, provenance and the SHA-256 of every weights file. It loads
only where hash, schema digest, every key and every shape agree. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from amfn.batch import Normaliser, collate
from amfn.fusion import FusionModel, build_fusion, config_to_dict
from amfn.tasks import Task, get_task
from amfn.types import Batch, InputError, Record

FORMAT = 1
KINDS: Mapping[str, type] = {
    "format": int, "task": str, "schema": str, "fusion": str, "architecture": dict, "prior": list,
    "normalisation": dict, "folds": list, "sha256": dict, "provenance": dict,
}  # fmt: skip
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A model with the normalisation it was trained under."""

    model: FusionModel
    normaliser: Normaliser

    def batch(self, records: Sequence[Record]) -> Batch:
        """Prepared records -> the batch this member reads."""
        return collate(self.model.schema, self.normaliser, records)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A loaded checkpoint. digest: first 16 hex digits of a SHA-256 over weights, architecture, prior and
    normalisation, the cache key of every result.

    fold_of: fingerprint of each training record -> the fold member that has not seen it.
    """

    path: Path
    digest: str
    task: Task
    model: FusionModel
    normaliser: Normaliser
    base_rate: float
    provenance: Mapping[str, Any]
    architecture: Mapping[str, Any]
    card: str
    fold_of: Mapping[str, int]

    def batch(self, records: Sequence[Record]) -> Batch:
        """Prepared records -> the batch this model reads."""
        return collate(self.model.schema, self.normaliser, records)


def save_checkpoint(
    path: Path, member: Member, provenance: Mapping[str, Any], card: str, folds: Sequence[Member] = ()
) -> None:
    """Write a checkpoint. All members share one architecture; config.json is written last, so that a folder without it
    is unfinished and never loads. Fold members are stored in half precision: they serve out-of-fold evaluation only."""
    (path / "folds").mkdir(parents=True, exist_ok=True)
    (path / CONFIG).unlink(missing_ok=True)
    model = member.model
    stored = {WEIGHTS: _to_bytes(model.state_dict())}
    for k, fold in enumerate(folds):
        stored[f"folds/{k}.safetensors"] = _to_bytes({n: half(t) for n, t in fold.model.state_dict().items()})
    for name, blob in stored.items():
        (path / name).write_bytes(blob)
    config = {
        "format": FORMAT,
        "task": model.schema.task,
        "schema": model.schema.digest(),
        "fusion": model.name,
        "architecture": config_to_dict(model.config),
        "prior": list(model.prior),
        "normalisation": member.normaliser.to_json(),
        "folds": [{"prior": list(f.model.prior), "normalisation": f.normaliser.to_json()} for f in folds],
        "sha256": {name: hashlib.sha256(blob).hexdigest() for name, blob in stored.items()},
        "provenance": dict(provenance),
    }
    (path / CARD).write_text(card, encoding="utf-8")
    (path / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def half(tensor: Tensor) -> Tensor:
    """Half precision for floats, counters as they are."""
    return tensor.half() if tensor.is_floating_point() else tensor


def _to_bytes(state: Mapping[str, Tensor]) -> bytes:
    return save_tensors({k: v.detach().cpu().contiguous() for k, v in state.items()})


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


def _member(path: Path, name: str, config: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[Member, str]:
    """A member and the SHA-256 of its weights. own: the part of the config that is this member's, prior and
    normalisation."""
    schema = get_task(config["task"]).schema
    with _blaming(path / CONFIG):
        prior, normalisation = own.get("prior"), own.get("normalisation")
        if not isinstance(prior, list) or not all(isinstance(p, float) for p in prior):
            raise InputError("prior", f"{prior!r}", "a list of prevalences", "Restore config.json.")
        if not isinstance(normalisation, dict):
            raise InputError("normalisation", f"{normalisation!r}", "scales by modality", "Restore config.json.")
        normaliser = Normaliser.from_json(normalisation)
        normaliser.require(schema)
        model = build_fusion(config["fusion"], schema, config["architecture"], tuple(prior))
    weights, digest = _load_weights(path, name, config)
    return Member(_filled(path / name, model, weights), normaliser), digest


def _filled(file: Path, model: FusionModel, weights: Mapping[str, Tensor]) -> FusionModel:
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
    rest = {key: config[key] for key in ("task", "schema", "fusion", "architecture", "prior", "normalisation")}
    return hashlib.sha256(f"{weights}{json.dumps(rest, sort_keys=True)}".encode()).hexdigest()[:16]


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
    member, digest = _member(path, WEIGHTS, config, config)
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
        base_rate=member.model.prior[0],
        provenance={k: v for k, v in config["provenance"].items() if k != "fold_of"},
        architecture={"system": config["fusion"], **config["architecture"]},
        card=facts,
        fold_of=_fold_of(path / CONFIG, config),
    )


def load_folds(path: Path | str) -> list[Member]:
    """The fold members of a checkpoint, each trained without one fifth of the data; empty where none were stored."""
    path = Path(path)
    config = _read_config(path)
    if not all(isinstance(fold, dict) for fold in config["folds"]):
        raise InputError(path / CONFIG, "folds that are no objects", "prior and normalisation of each", "Train again.")
    return [_member(path, f"folds/{k}.safetensors", config, fold)[0] for k, fold in enumerate(config["folds"])]
