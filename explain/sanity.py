"""Does an attribution depend on what the model learned? It must change when the weights, or the labels, are random.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", https://arxiv.org/abs/1810.03292: cascading randomisation of the
weights (section 3) and training on shuffled labels (section 4). Axes: R records, G stages, S observed segments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from amfn.types import Batch, Explainable, InputError
from explain.infidelity import Explainer, values_of
from explain.segments import segments_of

Progress = Callable[[float], None]

OUTPUT_PARTS = ("head", "hidden")
"""The parts next to the logit, by name; a network's own tensors (gates, query) come after them."""

OWN = "own tensors"
LEAST = 4
"""A rank correlation of fewer segments says nothing."""

SAME_FROM = 0.8
"""Rank agreement from which two attributions are the same picture: nearly two thirds of the ranks' variance shared."""

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over records with its bootstrap interval; low = mean = high where there is one record only."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Float[np.ndarray, " r"], seed: int = 0) -> Interval:
        """The percentile interval over resampled records, seeded."""
        from scipy.stats import bootstrap

        mean = float(values.mean())
        if len(values) < 2 or not np.ptp(values):
            return cls(mean, mean, mean)
        found = bootstrap(
            (values,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval  # fmt: skip
        return cls(mean, float(found.low), float(found.high))

    def to_json(self) -> list[float]:
        return [round(self.mean, 4), round(self.low, 4), round(self.high, 4)]


@dataclass(frozen=True, slots=True, eq=False)
class Sanity:
    """How far attributions of altered models agree with the trained one's: Spearman's rank correlation of |attribution|
    over the observed segments of each record.

    agreement f64[R, G]: of a network with itself after each stage, mean over the networks of an ensemble one by one;
    the last stage is the one that counts. reference f64[R]: between networks trained independently, mean over pairs;
    None where there are no two. Both are of single networks: an ensemble's attribution is calmer than any network's of
    it, and beside these would look as if it hardly changed. skipped: records with too few segments, or with an
    attribution that ranks none of them.
    """

    method: str
    kind: Literal["weights", "labels"]
    stages: tuple[str, ...]
    agreement: Float[np.ndarray, "r g"]
    reference: Float[np.ndarray, " r"] | None
    records: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def by_stage(self) -> tuple[Interval, ...]:
        return tuple(Interval.of(self.agreement[:, stage]) for stage in range(len(self.stages)))

    @property
    def drop(self) -> Interval | None:
        """The reference level minus the agreement after the last stage, record by record."""
        return None if self.reference is None else Interval.of(self.reference - self.agreement[:, -1])

    @property
    def passed(self) -> bool | None:
        """True where the whole 95 % bootstrap interval of `drop` over records lies above zero, so that with all that
        was learned made random the attribution agrees less with the original than two trained networks do with each
        other, and what agreement is left is below `SAME_FROM`: a picture that hardly changes is not one of the model,
        however well trained networks agree on it. None without a reference level or with one record, which has no
        interval."""
        if self.drop is None or len(self.records) < 2:
            return None
        return self.drop.low > 0 and self.by_stage[-1].mean < SAME_FROM

    @property
    def said(self) -> str:
        """The result in plain words, with its numbers."""
        what = {"weights": "with random weights", "labels": "trained on shuffled labels"}[self.kind]
        now = f"{what} its rank agreement with the original is {self.by_stage[-1].mean:.2f}"
        if self.reference is None:
            return f"Not judged: {now}; there are no two trained networks to compare with."
        level = f"{now}, between trained networks {self.reference.mean():.2f}, over {len(self.records)} records"
        return f"{ {True: 'Passed', False: 'Not passed', None: 'Not judged'}[self.passed] }: {level}."

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method, "kind": self.kind, "stages": list(self.stages), "passed": self.passed,
            "said": self.said, "by_stage": [interval.to_json() for interval in self.by_stage],
            "reference": None if self.reference is None else Interval.of(self.reference).to_json(),
            "drop": None if self.drop is None else self.drop.to_json(),
            "records": len(self.records), "skipped": list(self.skipped),
        }  # fmt: skip


def stages_of(model: nn.Module) -> tuple[str, ...]:
    """The parts of a network from the logit down to its encoders, each one stage of the cascade; of the first network
    where the model is an ensemble. A part with nothing learned in it is none."""
    network = _networks(model)[0]
    parts = [name for name, child in network.named_children() if _learned(child)]
    ends = [name for name in OUTPUT_PARTS if name in parts]
    inner = [name for name in reversed(parts) if name not in (*OUTPUT_PARTS, "encoders")]
    own = [OWN] if next(network.named_parameters(recurse=False), None) else []
    return (*ends, *own, *inner, *(["encoders"] if "encoders" in parts else []))


def randomised(model: nn.Module, stages: Sequence[str], seed: int = 0) -> nn.Module:
    """A copy of the model with these parts made random, in every network of an ensemble; the model stays as it was.

    A layer's own `reset_parameters` where it has one; any other tensor is a permutation of its own entries, which keeps
    its scale, and one whose entries are all alike is drawn from a normal distribution times its size.
    Raises InputError for a stage that the model does not have, or a model with nothing learned.
    """
    unknown = [stage for stage in stages if stage not in stages_of(model)]
    if unknown or not stages_of(model):
        raise InputError(
            "model", f"no part {', '.join(unknown) or 'with anything learned in it'}",
            f"some of {', '.join(stages_of(model)) or 'one'}", "Take names from stages_of.",
        )  # fmt: skip
    copy = deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    # reset_parameters draws from torch's global generator: its state is put back afterwards.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for network in _networks(copy):
            for stage in stages:
                if stage == OWN:
                    for _, tensor in network.named_parameters(recurse=False):
                        _redraw(tensor, generator)
                else:
                    for module in network.get_submodule(stage).modules():
                        _reset(module, generator)
    return copy


def weight_randomisation(
    model: Explainable,
    batches: Sequence[Batch],
    explainer: Explainer,
    *,
    method: str,
    networks: Sequence[Explainable] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Sanity:
    """Cascading randomisation: after stage g every part from the logit down to part g is random.

    batches: one record each. networks: trained independently, for the reference level; an ensemble's own by default.
    Raises InputError for a model without modules, or where no record can be ranked.
    """
    if not isinstance(model, nn.Module):
        raise InputError("model", type(model).__name__, "a torch module", "Pass the loaded model.")
    trained = _trained(model, networks)
    stages = stages_of(model)
    altered = {
        stage: [randomised(cast(nn.Module, network), stages[: k + 1], seed + n) for n, network in enumerate(trained)]
        for k, stage in enumerate(stages)
    }
    return _compare("weights", altered, batches, explainer, method, trained, progress)


def label_randomisation(
    model: Explainable,
    shuffled: Explainable,
    batches: Sequence[Batch],
    explainer: Explainer,
    *,
    method: str,
    networks: Sequence[Explainable] | None = None,
    progress: Progress | None = None,
) -> Sanity:
    """The trained model beside one of the same architecture that was trained on shuffled labels.

    Raises InputError where the two do not read the same data, or no record can be ranked.
    """
    if shuffled.schema.digest() != model.schema.digest():
        raise InputError(
            "shuffled", f"schema {shuffled.schema.digest()}", f"schema {model.schema.digest()}", "Train it on the same."
        )
    return _compare(
        "labels", {"shuffled labels": [shuffled]}, batches, explainer, method, _trained(model, networks), progress
    )


def _compare(
    kind: Literal["weights", "labels"],
    altered: Mapping[str, Sequence[Any]],
    batches: Sequence[Batch],
    explainer: Explainer,
    method: str,
    networks: Sequence[Explainable],
    progress: Progress | None,
) -> Sanity:
    """altered: by stage one network for each of `networks`, or a single one that all of them are compared with."""
    agreement, reference, records, skipped = [], [], [], []
    for done, batch in enumerate(batches, start=1):
        each = [_ranked(network, batch, explainer) for network in networks]
        if len(each[0]) < LEAST or not all(np.ptp(original) for original in each):
            skipped.append(batch.ids[0])
        else:
            records.append(batch.ids[0])
            row = []
            for others in altered.values():
                found = [_ranked(other, batch, explainer) for other in others]
                pairs = zip(each, found if len(found) == len(each) else found * len(each), strict=True)
                row.append(np.mean([_spearman(a, b) for a, b in pairs]))
            agreement.append(row)
            reference.append(np.mean([_spearman(a, b) for a, b in combinations(each, 2)]) if len(each) > 1 else 0.0)
        if progress is not None:
            progress(done / len(batches))
    if not records:
        raise InputError(
            method, f"{len(batches)} record(s), of none of which an attribution ranks {LEAST} segments",
            "at least one", "Choose records with more measured, or another method.",
        )  # fmt: skip
    return Sanity(
        method, kind, tuple(altered), np.array(agreement), np.array(reference) if len(networks) > 1 else None,
        tuple(records), tuple(skipped),
    )  # fmt: skip


def _ranked(model: Explainable, batch: Batch, explainer: Explainer) -> Float[np.ndarray, " s"]:
    """|attribution| of each observed segment."""
    cut = segments_of(model.schema, batch)
    return np.abs(cut.sums(values_of(model.schema, batch, explainer(model, batch))))[cut.observed]


def _spearman(a: Float[np.ndarray, " s"], b: Float[np.ndarray, " s"]) -> float:
    """Rank correlation; 0 where one of the two ranks nothing, so that no agreement can be claimed."""
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic) if np.ptp(a) and np.ptp(b) else 0.0


def _networks(model: nn.Module) -> list[nn.Module]:
    """The networks of an ensemble, or the model itself."""
    return [network for network in getattr(model, "networks", ()) if isinstance(network, nn.Module)] or [model]


def _trained(model: Explainable, networks: Sequence[Explainable] | None) -> Sequence[Explainable]:
    """The networks that are compared one by one: an ensemble's own, or the model itself."""
    return (getattr(model, "networks", ()) if networks is None else networks) or (model,)


def _statistics(module: nn.Module) -> list[Tensor]:
    """A normalisation's learned mean and variance: what a module without parameters of its own learned from data."""
    if next(module.parameters(), None) is not None or hasattr(module, "reset_parameters"):
        return []
    return [tensor for name, tensor in module.named_buffers(recurse=False) if name in ("mean", "var")]


def _learned(module: nn.Module) -> bool:
    return any(True for _ in module.parameters()) or any(_statistics(m) for m in module.modules())


def _reset(module: nn.Module, generator: torch.Generator) -> None:
    """The tensors of this module itself, not of its children."""
    own = getattr(module, "reset_parameters", None)
    if callable(own):
        own()
        return
    for tensor in (*(p for _, p in module.named_parameters(recurse=False)), *_statistics(module)):
        _redraw(tensor, generator)


def _redraw(tensor: Tensor, generator: torch.Generator) -> None:
    flat = tensor.detach().flatten()
    order = torch.randperm(len(flat), generator=generator).to(flat.device)
    if bool((flat == flat[:1]).all()):
        size = flat.abs().clamp(min=1e-3) * torch.randn(len(flat), generator=generator).to(flat)
        tensor.copy_(size.view_as(tensor))
    else:
        tensor.copy_(flat[order].view_as(tensor))
