"""What was known at each moment of an unfolded record, and what the model would have said: all looked up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amfn.types import ModalitySpec, Record
from app import services
from app.explanations import Unfolding
from app.views import Case


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What the model would have said at one moment, `when` in words. risk: 0..1. nothing: nothing was known yet, it
    is the prior. rows: modality, what was known of it, γ and β in words. unknown: what was not yet known, in words."""

    when: str
    risk: float
    nothing: bool
    rows: tuple[tuple[str, str, str, str], ...]
    unknown: tuple[str, ...]


def moment(opened: Case, unfolding: Unfolding, at: int) -> Moment:
    """The moment at this position of a record that has been unfolded: everything is looked up."""
    found, schema = unfolding.found, services.schema(opened.listing.task)
    rows, unknown = [], []
    for k, spec in enumerate(schema.modalities):
        here = bool(found.present[at, k])
        known, later = _known(opened.prepared, spec, float(unfolding.times[at]), unfolding.unit == "h")
        rows.append(
            (
                spec.title,
                "not recorded" if not opened.analysis.present[k] else known if here else "nothing yet",
                _share(found.gates, at, k, here, "{:.2f}", 1),
                _share(found.weights, at, k, here, "{:.0f} %", 100),
            )
        )
        if opened.analysis.present[k]:
            unknown.append(later if here else spec.title if spec.kind == "static" else f"{spec.title}: everything")
    return Moment(
        when=moment_text(unfolding, at),
        risk=float(found.risks[at]),
        nothing=not found.present[at].any(),
        rows=tuple(rows),
        unknown=tuple(part for part in unknown if part),
    )


def moment_text(unfolding: Unfolding, at: int) -> str:
    """'as of hour 12', '5 s before the alarm'."""
    time = float(unfolding.times[at])
    if unfolding.unit == "h":
        return f"as of hour {time:g}"
    return f"{time:g} s before the alarm" if time > 0 else "at the alarm"


def _known(prepared: Record, spec: ModalitySpec, time: float, hourly: bool) -> tuple[str, str]:
    """What of a modality was known by then, and what came later; the latter empty where nothing did."""
    seen = prepared.observed[spec.name]
    if spec.kind == "static":
        return "known", ""
    if not hourly:
        return "known up to then", f"{spec.title}: its last {time:g} s" if time > 0 else ""
    until = prepared.hours[spec.name] < time
    by_then, ever = seen[until].sum(axis=0), seen.sum(axis=0)
    titles = [c.title for c, early, all_of in zip(spec.channels, by_then, ever, strict=True) if all_of and not early]
    values, whole = int(seen[until].sum()), int(seen.sum())
    if values == whole:
        return f"all {whole} values", ""
    new = f", and no {' or '.join(titles)} at all" if titles else ""
    return f"{values} of {whole} values", f"{spec.title}: {whole - values} of {whole} hourly values{new}"


def _share(values: np.ndarray | None, at: int, k: int, here: bool, form: str, scale: float) -> str:
    return "" if values is None or not here else form.format(scale * float(values[at, k]))
