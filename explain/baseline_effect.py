"""How much an attribution's ranking hangs on its baseline.

Axes: n baselines, S segments, m modalities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from amfn.types import Batch, Explainable, InputError
from explain.agreement import Taus, kendall_matrix
from explain.baselines import Baseline
from explain.checks import require_one
from explain.methods import attribute, method_named
from explain.segments import Segments, segments_of
from explain.types import Attribution


@dataclass(frozen=True, slots=True, eq=False)
class BaselineEffect:
    """One method from several baselines. titles: what each baseline is, in words. attributions: one a baseline.

    segments: of the record; by_segment: f64[n, S], the attribution's sum over each. by_modality: f64[n, m] over
    `modalities`, those that the record has. segment_tau, modality_tau: [n, n], `kendall` of each pair of baselines;
    segments in which nothing was measured are not ranked.
    """

    names: tuple[str, ...]
    titles: tuple[str, ...]
    attributions: tuple[Attribution, ...]
    segments: Segments
    by_segment: Float[np.ndarray, "n s"]
    modalities: tuple[str, ...]
    by_modality: Float[np.ndarray, "n m"]
    segment_tau: Taus
    modality_tau: Taus


def baseline_effect(
    model: Explainable,
    batch: Batch,
    method: str,
    baselines: Sequence[Baseline],
    target: int = 0,
    *,
    seed: int = 0,
    **settings: object,
) -> BaselineEffect:
    """How the ranking of segments and of modalities changes when one record's attribution starts elsewhere.

    Raises InputError for fewer than two baselines or a method that uses none, and for all that `attribute` refuses.
    """
    require_one(batch)
    chosen = method_named(method)
    if not chosen.uses_baseline or len(baselines) < 2:
        raise InputError(
            "baselines",
            f"{len(baselines)} for {chosen.title}",
            "two or more, for a method that starts from one",
            "Pass more baselines, or take another method.",
        )
    found = tuple(attribute(model, batch, method, target, baseline=start, seed=seed, **settings) for start in baselines)
    segments = segments_of(model.schema, batch)
    by_segment = np.stack([segments.sums(each.measured) for each in found])
    totals = [each.by_modality() for each in found]
    modalities = tuple(totals[0])
    by_modality = np.array([[total[name] for name in modalities] for total in totals])
    return BaselineEffect(
        names=tuple(start.name for start in baselines),
        titles=tuple(start.title for start in baselines),
        attributions=found,
        segments=segments,
        by_segment=by_segment,
        modalities=modalities,
        by_modality=by_modality,
        segment_tau=kendall_matrix(by_segment[:, segments.observed]),
        modality_tau=kendall_matrix(by_modality),
    )
