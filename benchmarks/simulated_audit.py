"""An audit of simulated records of any size, written without a model: parts that are valid, numbers drawn by chance.

What is drawn is an additive game: every modality moves the logit by itself, so that its Shapley value, its
leave-one-out and its part of the logit are the same number, and no two interact.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.special import expit

from amfn.checkpoint import load_checkpoint
from audit import Manifest, Settings
from audit import columns as names_of
from audit.parts import write_part
from audit.plan import Table
from explain.coalitions import all_masks

PART = 5_000
PRESENT = 0.93
GROUPS = {
    "by_age": ("15 to 44 years", "45 to 64 years", "65 to 79 years", "80 years and over"),
    "by_sex": ("Female", "Male"),
    "by_icu_type": ("Cardiac surgery recovery", "Coronary care", "Medical", "Surgical"),
}
TITLES = {"by_age": "Age", "by_sex": "Sex", "by_icu_type": "ICU type"}


def write(out: Path, records: int, checkpoint: Path, seed: int = 0, labelled: bool = True) -> Manifest:
    """A finished audit of so many simulated stays, as if this checkpoint had answered. labelled: their outcomes are
    known, drawn with the chance that was answered."""
    model = load_checkpoint(checkpoint)
    schema = model.task.schema
    settings = Settings(answered="shipped", part_size=PART)
    manifest = Manifest(
        task=model.task.name,
        model=model.digest,
        model_name=checkpoint.name,
        model_path=str(checkpoint),
        networks=len(model.model),
        base_rate=model.base_rate,
        folders=(),
        prepared=None,
        listing=f"simulated-{seed}",
        records=records,
        parts=-(-records // PART),
        modalities=tuple((spec.name, spec.title) for spec in schema.modalities),
        strata=TITLES,
        settings=settings,
        commit="simulated",
        started=_now(),
    )
    out.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for number in range(manifest.parts):
        start = number * PART
        tables = _tables(draw, manifest, start, min(PART, records - start), labelled)
        write_part(out, number, tables, manifest.identity, 0.0)
    finished = replace(manifest, finished=_now(), data=f"simulated-{seed}", audited=records, refused=0, seconds=0.0)
    finished.write(out)
    return finished


def _tables(
    draw: np.random.Generator, manifest: Manifest, start: int, count: int, labelled: bool
) -> dict[Table, pa.Table]:
    names, strata = manifest.names, tuple(manifest.strata)
    width = len(names)
    present = draw.random((count, width)) < PRESENT
    present[:, -1] = True
    empty = -1.9
    moved = np.where(present, draw.normal(0, np.linspace(0.2, 0.9, width), (count, width)), 0.0)
    logits = empty + moved.sum(1)
    weights = np.where(present, draw.gamma(4, 1, (count, width)), 0.0)
    weights /= weights.sum(1, keepdims=True)
    ids = [f"simulated-{start + k:06d}" for k in range(count)]
    columns: dict[str, object] = {
        "record_id": ids,
        "record_digest": ids,
        "source": ids,
        "simulated": np.ones(count, bool),
        "group": draw.choice(GROUPS["by_icu_type"], count),
        "answered_by": ["shipped"] * count,
        "logit": logits,
        "risk": expit(logits),
        "empty_logit": np.full(count, empty),
        "network_logits": list((logits[:, None] + draw.normal(0, 0.2, (count, manifest.networks))).astype(np.float32)),
        "pattern": (present << np.arange(width)).sum(1),
        "efficiency_gap": np.zeros(count),
        "favourite": np.asarray(names)[weights.argmax(1)],
        "disagrees": draw.random(count) < 0.3,
        "findings": np.zeros(count, int),
        "warnings": np.zeros(count, int),
    }
    columns |= {"label": (draw.random(count) < expit(logits)).astype(int)} if labelled else {}
    columns |= {column: draw.choice(GROUPS[column], count) for column in strata}
    columns["by_icu_type"] = columns["group"]
    shares = {"gate": draw.beta(5, 3, (count, width)), "weight": weights, "attention": weights, "centrality": weights}
    for k, name in enumerate(names):
        here = ~present[:, k]
        columns[f"present_{name}"] = present[:, k]
        columns[f"observed_{name}"] = np.where(here, 0.0, draw.random(count))
        for lead in names_of.MEASURES.values():
            values = shares[lead][:, k] if lead in shares else moved[:, k]
            columns[f"{lead}_{name}"] = pa.array(values, pa.float32(), mask=here)
    both = (present[:, :, None] & present[:, None, :]).astype(float)
    rows = both / np.maximum(both.sum(2, keepdims=True), 1)
    diagonal = np.einsum("nk,kl->nkl", moved, np.eye(width))
    squares = {"interactions": diagonal, "attention_matrix": rows, "adjacency": rows}
    columns |= {name: list(value.reshape(count, -1).astype(np.float32)) for name, value in squares.items()}
    columns |= {column: np.clip(draw.normal(0.3, 0.4, count), -1, 1) for column in names_of.TAUS.values()}
    schema = names_of.schema("records", names, strata)
    found = {
        field.name: columns[field.name] if field.name in columns else pa.nulls(count, field.type) for field in schema
    }
    subsets = [
        (empty + all_masks(int(here.sum())) @ own[here]).astype(np.float32)
        for own, here in zip(moved, present, strict=True)
    ]
    return {
        "records": pa.table({name: _array(value, schema.field(name).type) for name, value in found.items()}, schema),
        "subsets": pa.table({"record_id": ids, "logits": subsets}, names_of.schema("subsets", names, strata)),
        "attributions": names_of.schema("attributions", names, strata).empty_table(),
        "dead-letters": names_of.schema("dead-letters", names, strata).empty_table(),
    }


def _array(value: object, kind: pa.DataType) -> pa.Array:
    return value.cast(kind) if isinstance(value, pa.Array) else pa.array(value, kind, from_pandas=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
