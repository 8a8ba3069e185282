"""Small schemas and batches with every modality kind, for suites that run over every fusion system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import torch

from amfn.fusion import FUSIONS, FusionModel, build_fusion
from amfn.types import Batch, Channel, ModalitySpec, Schema

SMALL = {"dim": 16, "encoder": {"width": 8, "dropout": 0.1}}
PRIOR = (0.3, 0.6)


def channels(count: int) -> tuple[Channel, ...]:
    return tuple(Channel(f"c{k}", "mV", -10, 10) for k in range(count))


SCHEMA = Schema(
    "toy",
    (
        ModalitySpec("wave", "waveform", channels(2), 50.0, steps=260),
        ModalitySpec("chart", "series", channels(3), steps=12),
        ModalitySpec("lab", "series", channels(1), steps=12),
        ModalitySpec("person", "static", channels(4)),
    ),
    ("first", "second"),
)


def system(name: str, seed: int = 0, **settings: object) -> FusionModel:
    """A registered system with small sizes, weights by seed, in eval mode, and statistics that are not the initial
    ones."""
    torch.manual_seed(seed)
    model = build_fusion(name, SCHEMA, {**small(name), **settings}, PRIOR)
    model.train()
    with torch.no_grad():
        model(batch(16, seed=seed + 1))
    return model.eval()


def small(name: str) -> dict[str, object]:
    """The small sizes that this system has."""
    known = {field.name for field in fields(FUSIONS[name].config_type)}
    return {key: value for key, value in SMALL.items() if key in known}


def batch(records: int, seed: int = 0, steps: Sequence[int] = (260, 12, 12, 1), missing: float = 0.3) -> Batch:
    """Random records; about `missing` of the values are unobserved, and some modalities of some records absent."""
    draw = torch.Generator().manual_seed(seed)
    x, observed, valid = {}, {}, {}
    present = torch.rand(records, len(SCHEMA.modalities), generator=draw) > 0.25
    present[:, 0] |= ~present.any(1)
    for k, spec in enumerate(SCHEMA.modalities):
        shape = (records, steps[k], len(spec.channels))
        seen = torch.rand(shape, generator=draw) > missing
        seen[:, 0] = True
        observed[spec.name] = seen
        x[spec.name] = torch.randn(shape, generator=draw) * seen
        valid[spec.name] = torch.ones(shape[:2], dtype=torch.bool)
    return Batch(tuple(f"r{i}" for i in range(records)), x, observed, valid, present)


def padded(source: Batch, extra: int, garbage: float) -> Batch:
    """The same records with `extra` steps behind the end that are not valid and hold `garbage`."""
    x, observed, valid = {}, {}, {}
    for spec in SCHEMA.modalities:
        more = 0 if spec.kind == "static" else extra
        x[spec.name] = torch.nn.functional.pad(source.x[spec.name], (0, 0, 0, more), value=garbage)
        observed[spec.name] = torch.nn.functional.pad(source.observed[spec.name], (0, 0, 0, more), value=True)
        valid[spec.name] = torch.nn.functional.pad(source.valid[spec.name], (0, more), value=False)
    return replace(source, x=x, observed=observed, valid=valid)


NAMES = sorted(FUSIONS)
