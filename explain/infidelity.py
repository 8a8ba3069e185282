"""How well an attribution foretells what the model does, and how still it stays when the record shakes a little.

Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", https://arxiv.org/abs/1901.09392,
through Captum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from amfn.types import Batch, Explainable, InputError, Schema
from explain.baselines import Baseline
from explain.checks import require_frozen, require_one
from explain.method import present_names
from explain.segments import Segments, segments_of, without
from explain.types import Attribution

Explainer = Callable[[Explainable, Batch], Attribution]

ROWS = 32
"""Copies of a record in one forward pass."""


def infidelity(
    model: Explainable,
    batch: Batch,
    attribution: Attribution,
    baseline: Baseline,
    *,
    samples: int = 16,
    seed: int = 0,
    segments: Segments | None = None,
) -> float:
    """Mean square of what the attribution misses when random segments take the baseline's values, in logits squared.

    Yeh et al. 2019, definition 2.1. A perturbation takes a random number of observed segments to the baseline, one of
    its rows drawn anew each time; the attribution predicts the sum over them. It speaks of methods whose values are
    contributions relative to that baseline; 0 for a record with nothing measured. Raises InputError for magnitudes
    without a sign, which foretell no change.
    """
    from captum.metrics import infidelity as captum_infidelity

    require_frozen(model)
    require_one(batch)
    target, cut = target_of(model, attribution), segments or segments_of(model.schema, batch)
    if not attribution.in_logits:
        raise InputError(
            attribution.method,
            "magnitudes without a sign",
            "parts of a logit",
            "Take a method that gives contributions.",
        )
    values = values_of(model.schema, batch, attribution)
    baseline.require(model.schema, batch)
    there = np.flatnonzero(cut.observed)
    if not len(there):
        return 0.0
    names, rng = list(values), np.random.default_rng(seed)

    def perturb(inputs: Tensor | tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """What is taken out, as 0 and 1: the attribution already counts the whole way to the baseline."""
        # Of a record with one modality Captum hands over the tensor itself.
        copies = len(inputs) if isinstance(inputs, Tensor) else len(inputs[0])
        gone = np.zeros((copies, len(cut)), bool)
        for row in gone:
            row[rng.choice(there, rng.integers(1, len(there) + 1), replace=False)] = True
        drawn = rng.integers(len(baseline), size=len(gone))
        changed = without(batch, cut, gone, {name: x[drawn] for name, x in baseline.x.items()})
        lookup = torch.from_numpy(np.concatenate([gone, np.zeros((len(gone), 1), bool)], axis=1))
        out = (lookup[:, torch.from_numpy(cut.ids[name])].to(batch.x[name]) for name in names)
        return tuple(out), tuple(changed.x[name] for name in names)

    def logit(*inputs: Tensor) -> Tensor:
        return model(_with(batch, dict(zip(names, inputs, strict=True)))).logits[:, target]

    with torch.no_grad():
        missed = captum_infidelity(
            logit,
            perturb,
            tuple(batch.x[name] for name in names),
            tuple(torch.from_numpy(values[name])[None].to(batch.x[name]) for name in names),
            n_perturb_samples=samples,
            max_examples_per_batch=min(ROWS, samples),
        )
    return float(missed)


def sensitivity(
    model: Explainable, batch: Batch, explainer: Explainer, *, radius: float = 0.02, samples: int = 5, seed: int = 0
) -> float:
    """How far an attribution can move, relative to its size, when measured values shake by at most `radius`.

    Yeh et al. 2019, definition 3.1 (max-sensitivity); uniform noise on the normalised scale, on what was
    measured and is no category. The explainer runs samples + 1 times.
    """
    from captum.metrics import sensitivity_max

    require_frozen(model)
    require_one(batch)
    names = present_names(model, batch)
    if not names:
        return 0.0
    moves = {
        name: batch.observed[name][0].float()
        * torch.tensor([not c.flag for c in model.schema.modality(name).channels]).to(batch.x[name])
        for name in names
    }
    generator = torch.Generator().manual_seed(seed)

    def shake(inputs: tuple[Tensor, ...], reach: float) -> tuple[Tensor, ...]:
        noise = (torch.rand(x.shape, generator=generator).to(x) * 2 - 1 for x in inputs)
        return tuple(x + reach * n * moves[name] for name, x, n in zip(names, inputs, noise, strict=True))

    def explain(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        each = []
        for row in range(len(inputs[0])):
            altered = _with(batch, {name: x[row : row + 1] for name, x in zip(names, inputs, strict=True)})
            each.append(values_of(model.schema, altered, explainer(model, altered)))
        return tuple(torch.stack([torch.from_numpy(values[name]) for values in each]) for name in names)

    found = sensitivity_max(
        explain, tuple(batch.x[name] for name in names), shake, perturb_radius=radius, n_perturb_samples=samples
    )
    return float(found)


def _with(batch: Batch, x: Mapping[str, Tensor]) -> Batch:
    """Copies of one record with these inputs, as many as they have rows."""
    rows = batch.rows([0] * len(next(iter(x.values()))))
    return replace(rows, x={**rows.x, **x}, derived=None)


def target_of(model: Explainable, attribution: Attribution) -> int:
    """Which logit the attribution speaks of; InputError where the model has none of that name."""
    names = model.schema.targets
    if attribution.target not in names:
        raise InputError(
            "attribution", f"target {attribution.target!r}", f"one of {', '.join(names)}",
            "Take an attribution of this model.",
        )  # fmt: skip
    return names.index(attribution.target)


def values_of(schema: Schema, batch: Batch, attribution: Attribution) -> dict[str, Float[np.ndarray, "t c"]]:
    """f64[T, C] for every modality that the record has, of what was measured; zero where the method says nothing, and
    one number a step in equal shares over the channels. Raises InputError for the attribution of another record."""
    found, measured = {}, attribution.measured
    names = [name for name, here in zip(schema.names, batch.present[0].tolist(), strict=True) if here]
    unknown = [name for name in measured if name not in names]
    if unknown:
        raise InputError(
            "attribution", f"it speaks of {', '.join(unknown)}", f"what {batch.ids[0]} has: {', '.join(names)}",
            "Take the attribution of this record.",
        )  # fmt: skip
    for name in names:
        shape = tuple(batch.x[name].shape[1:])
        given = np.asarray(measured.get(name, np.zeros(shape)), np.float64)
        if given.shape not in (shape, (shape[0], 1)) or not np.isfinite(given).all():
            raise InputError(
                "attribution", f"{name}: shape {given.shape}, finite: {np.isfinite(given).all()}",
                f"finite numbers {shape}, or one a step", "Mend the method or take this record's attribution.",
            )  # fmt: skip
        found[name] = given if given.shape == shape else np.repeat(given, shape[1], 1) / shape[1]
    return found
