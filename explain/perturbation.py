"""Methods that take segments of raw input out and look at what the logit does. No gradient is asked for.

A segment's attribution is spread evenly over what was measured in it. Axes: T steps, C channels, S segments, n copies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from amfn.types import Batch, Explainable, InputError, require_settings
from explain.baselines import Baseline
from explain.method import Method, Shares, present_names
from explain.reference import Reference
from explain.segments import Segment, Segments, segments_of, without

Values = dict[str, Float[np.ndarray, "t c"]]


def _feature_ablation(
    model: Explainable,
    batch: Batch,
    target: int,
    baseline: Baseline,
    seed: int,
    *,
    widths: Mapping[str, int] | None = None,
    internal_batch: int = 64,
    missing: bool = False,
    reference: Reference | None = None,
) -> Shares:
    """missing: also f(x) - f(x with one observation more), for each charted stretch in which nothing was measured:
    the channel's usual value (`Reference.typical`), as if measured once at the middle step. A modality that the record
    lacks altogether is asked in the same way, as if this one observation were all that is known of it."""
    segments = segments_of(model.schema, batch, widths)
    drops, f_x, f_nothing = _drops(model, batch, target, segments, None, internal_batch)
    values = _spread(segments, drops, batch, present_names(model, batch))
    settings = {"segments": int(segments.observed.sum()), "missing": missing}
    if not missing:
        return Shares(values, f_x, f_nothing, settings)
    if reference is None:
        raise InputError(
            FEATURE_ABLATION.title, "missing observations without a reference", "what is usual in training",
            "Pass reference=, the one that belongs to this model.",
        )  # fmt: skip
    reference.require(model.schema)
    asked = _not_made(model, batch, target, f_x, reference, widths, internal_batch)
    labels = {name: np.zeros(v.shape, bool) for name, v in values.items()}
    for piece, share in asked:
        if piece.modality not in values:
            values[piece.modality] = np.zeros(batch.x[piece.modality].shape[1:], np.float32)
            labels[piece.modality] = np.zeros(batch.x[piece.modality].shape[1:], bool)
        values[piece.modality][_middle(piece), piece.channel] = share
        labels[piece.modality][_middle(piece), piece.channel] = True
    return Shares(values, f_x, f_nothing, settings, labels)


def _occlusion(
    model: Explainable,
    batch: Batch,
    target: int,
    baseline: Baseline,
    seed: int,
    *,
    widths: Mapping[str, int] | None = None,
    internal_batch: int = 64,
) -> Shares:
    segments = segments_of(model.schema, batch, widths)
    found = [
        _drops(model, batch, target, segments, {name: x[row] for name, x in baseline.x.items()}, internal_batch)
        for row in range(len(baseline))
    ]
    drops = np.mean([drop for drop, _, _ in found], axis=0)
    f_baseline = float(np.mean([start for _, _, start in found]))
    values = _spread(segments, drops, batch, present_names(model, batch))
    return Shares(values, found[0][1], f_baseline, {"segments": int(segments.observed.sum())})


def _drops(
    model: Explainable,
    batch: Batch,
    target: int,
    segments: Segments,
    fill: Mapping[str, Float[Tensor, "t c"]] | None,
    internal_batch: int,
) -> tuple[Float[np.ndarray, " s"], float, float]:
    """f(x) - f(x without each segment), f64[S], 0 where nothing was measured in it; f(x); f without any of them.

    Captum ablates the players of a game: the segments, each in or out.
    """
    from captum.attr import FeatureAblation

    require_settings("segments", ("internal_batch", internal_batch, internal_batch >= 1))
    measured = segments.observed

    def logit(inside: Float[Tensor, "n s"]) -> Float[Tensor, " n"]:
        gone = np.zeros((len(inside), len(segments)), bool)
        gone[:, measured] = (inside == 0).cpu().numpy()
        return model(without(batch, segments, gone, fill)).logits[:, target].double().cpu()

    everything = torch.ones(1, int(measured.sum()), dtype=torch.float64)
    drops = np.zeros(len(segments))
    with torch.no_grad():
        if measured.any():
            found = FeatureAblation(logit).attribute(everything, perturbations_per_eval=internal_batch)
            drops[measured] = found[0].numpy()
        return drops, float(logit(everything)), float(logit(torch.zeros_like(everything)))


def _spread(segments: Segments, sums: Float[np.ndarray, " s"], batch: Batch, names: list[str]) -> Values:
    """Each segment's sum in equal parts over its measured values."""
    values = {}
    for name in names:
        seen = (batch.observed[name][0] & batch.valid[name][0][:, None]).cpu().numpy() & (segments.ids[name] >= 0)
        at = segments.ids[name][seen]
        count = np.bincount(at, minlength=len(segments))
        values[name] = np.zeros(seen.shape, np.float32)
        values[name][seen] = sums[at] / count[at]
    return values


def _not_made(
    model: Explainable,
    batch: Batch,
    target: int,
    f_x: float,
    reference: Reference,
    widths: Mapping[str, int] | None,
    internal_batch: int,
) -> list[tuple[Segment, float]]:
    """For each charted segment without a measurement: the segment, and f(x) - f(x with the usual value measured)."""
    charted = {spec.name for spec in model.schema.modalities if spec.kind != "waveform"}
    whole = segments_of(model.schema, replace(batch, present=torch.ones_like(batch.present)), widths)
    empty = [
        piece
        for piece in whole.table
        if piece.modality in charted and not (piece.observed and _is_present(model, batch, piece.modality))
    ]
    found: list[tuple[Segment, float]] = []
    for start in range(0, len(empty), internal_batch):
        pieces = empty[start : start + internal_batch]
        with torch.no_grad():
            logits = model(_with_usual(model, batch, pieces, reference)).logits[:, target].double().tolist()
        found += [(piece, f_x - logit) for piece, logit in zip(pieces, logits, strict=True)]
    return found


def _is_present(model: Explainable, batch: Batch, name: str) -> bool:
    return bool(batch.present[0, model.schema.names.index(name)])


def _middle(piece: Segment) -> int:
    return (piece.start + piece.stop) // 2


def _with_usual(model: Explainable, batch: Batch, pieces: list[Segment], reference: Reference) -> Batch:
    """Copies of one record, row i with the usual value measured once in the middle of pieces[i]."""
    copies = batch.rows([0] * len(pieces))
    x = {name: values.clone() for name, values in copies.x.items()}
    observed = {name: seen.clone() for name, seen in copies.observed.items()}
    present = copies.present.clone()
    for row, piece in enumerate(pieces):
        name, step = piece.modality, _middle(piece)
        if not _is_present(model, batch, name):
            # What stands behind an absent modality is nothing: it must not come into sight with the one observation.
            x[name][row], observed[name][row] = 0.0, False
        x[name][row, step, piece.channel] = float(reference.typical[name][piece.channel])
        observed[name][row, step, piece.channel] = True
        present[row, model.schema.names.index(name)] = True
    return replace(copies, x=x, observed=observed, present=present, derived=None)


FEATURE_ABLATION = Method(
    name="feature_ablation",
    title="Feature ablation",
    says="Takes out each stretch of each channel, as if it had never been measured, and says what the estimate loses.",
    source="Zeiler, Fergus 2014, https://arxiv.org/abs/1311.2901, section 4.2; here by the model's own missing path",
    promises_completeness=False,
    uses_baseline=False,
    function=_feature_ablation,
)
OCCLUSION = Method(
    name="occlusion",
    title="Occlusion",
    says="Puts the baseline in place of each stretch of each channel in turn and says what the estimate loses.",
    source="Zeiler, Fergus 2014, https://arxiv.org/abs/1311.2901, section 4.2",
    promises_completeness=False,
    uses_baseline=True,
    function=_occlusion,
)
