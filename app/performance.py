"""A checkpoint's stored out-of-fold answers and figures -> what the Model page draws. Pure; `services` caches it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from amfn.calibration import Calibration
from amfn.checkpoint import CONFIG, WEIGHTS, Checkpoint
from amfn.conformal import ERROR_RATES, CoverageRow
from amfn.reliability import calibration_bins, net_benefit
from app.text import TOO_FEW
from app.views import ModelFacts, Performance

THRESHOLDS = np.arange(1, 61) / 100
"""Chances from which someone might act; beyond them too few records are left to say anything."""
SMALLEST_PATTERN = 20
"""What was recorded in fewer records than this has no line of its own."""


LISTED_UP_TO = 40
"""Longer tables of a checkpoint's provenance are named with their length only."""
SHOWN = frozenset({"out_of_fold", "simulated", "calibration", "removal"})
"""Parts of the provenance that have charts and tables of their own."""


def model_facts(model: Checkpoint) -> ModelFacts:
    """What identifies the model, and its card without the picture that the page draws itself."""
    spec = model.task.schema
    return ModelFacts(
        title=model.task.wording.title,
        digest=model.digest,
        schema=spec.digest(),
        base_rate=model.base_rate,
        parameters=sum(p.numel() for p in model.model.parameters()),
        networks=len(model.model),
        megabytes=(model.path / WEIGHTS).stat().st_size / 1e6,
        modalities=tuple((m.title, m.kind, ", ".join(c.title for c in m.channels)) for m in spec.modalities),
        architecture=_flat(model.architecture),
        provenance=_flat({k: v for k, v in model.provenance.items() if k not in SHOWN}),
        card=re.sub(r"!\[[^\]]*\]\([^)]*\)\n+", "", model.card),
    )


def performance(model: Checkpoint) -> Performance:
    """Everything that is stored; a part that is not is empty."""
    calibration = model.calibration
    measured = model.provenance.get("out_of_fold", {})
    removal = model.provenance.get("removal", {}).get("curve", ())
    bins: tuple[tuple[int, float, float, float, float], ...] = ()
    benefit = np.zeros((0, 2))
    if calibration is not None:
        labels, risks = calibration.labels.astype(int), calibration.risks
        bins = tuple((b.count, b.predicted, b.observed, b.low, b.high) for b in calibration_bins(labels, risks))
        benefit = net_benefit(labels, risks, THRESHOLDS)
    return Performance(
        noun=model.task.wording.event,
        bins=bins,
        thresholds=tuple(THRESHOLDS.tolist()) if len(benefit) else (),
        by_model=tuple(benefit[:, 0].tolist()),
        by_everyone=tuple(benefit[:, 1].tolist()),
        coverage={rate: _coverage(model, calibration, rate) for rate in ERROR_RATES} if calibration else {},
        subgroups=_subgroups(model, measured.get("subgroups", {})),
        removal=tuple((float(share), float(v), float(low), float(high)) for share, v, low, high in removal),
    )


def _coverage(model: Checkpoint, calibration: Calibration, error_rate: float) -> tuple[Mapping[str, str], ...]:
    """Both outcomes over all records, then by what was recorded, most frequent first."""
    rows = calibration.coverage(error_rate)
    counts: dict[int | None, int] = {}
    for row in rows:
        counts[row.pattern] = counts.get(row.pattern, 0) + row.records
    kept = [row for row in rows if row.records and counts[row.pattern] >= SMALLEST_PATTERN]
    return tuple(_coverage_line(model, row) for row in kept)


def _coverage_line(model: Checkpoint, row: CoverageRow) -> Mapping[str, str]:
    wording = model.task.wording
    return {
        "Recorded": _recorded(model, row.pattern),
        "Outcome": wording.positive if row.label else wording.negative,
        "Records": f"{row.records:,}",
        "With a set": f"{row.answered:,}",
        "Set holds the outcome": f"{_percent(row.share)} ({100 * row.low:.1f} to {100 * row.high:.1f})"
        if row.answered
        else TOO_FEW,
        "One outcome only": _percent(row.single / row.answered) if row.answered else "",
    }


def _recorded(model: Checkpoint, pattern: int | None) -> str:
    if pattern is None:
        return "all records"
    specs = model.task.schema.modalities
    missing = [spec.title for k, spec in enumerate(specs) if not pattern >> k & 1]
    if not missing:
        return "everything"
    if len(missing) <= len(specs) // 2:
        return f"without {', '.join(missing)}"
    here = [spec.title for k, spec in enumerate(specs) if pattern >> k & 1]
    return f"only {', '.join(here)}" if here else "nothing"


def _subgroups(model: Checkpoint, stored: Mapping[str, Mapping[str, Any]]) -> tuple[Mapping[str, str], ...]:
    return tuple(
        {
            "Subgroup": f"{stratum}: {name}",
            "Records": f"{records:,}",
            model.task.wording.positive: f"{positives:,}",
            "AUROC (95 % interval)": TOO_FEW if auroc is None else "{:.3f} ({:.3f} to {:.3f})".format(*auroc),
            "Mean predicted": _percent(predicted),
            "Observed (95 % interval)": f"{_percent(observed[0])} ({100 * observed[1]:.1f} to {100 * observed[2]:.1f})",
            "Calibration error": TOO_FEW if error is None else f"{error:.3f}",
        }
        for stratum, levels in stored.items()
        for name, (records, positives, auroc, error, predicted, observed) in levels.items()
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _flat(values: Mapping[str, Any], lead: str = "") -> tuple[tuple[str, str], ...]:
    """Nested settings as 'outer: inner' names with plain values."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        title = f"{lead}{name.replace('_', ' ')}"
        if isinstance(value, Mapping | list) and len(value) > LISTED_UP_TO:
            rows.append((title, f"{len(value):,} entries, in {CONFIG}"))
        elif isinstance(value, Mapping):
            rows += _flat(value, f"{title}: ")
        else:
            rows.append((title, value if isinstance(value, str) else json.dumps(value, default=str)))
    return tuple(rows)
