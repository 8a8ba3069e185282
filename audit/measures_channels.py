"""What single channels moved over time, from an audit's attributions, added up by DuckDB where they lie.

Axes: R channels, S stretches of time. A record without a modality has no rows of it and is not in its means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from amfn.evaluation import Interval
from amfn.reliability import clopper_pearson
from audit.opened import Audit
from explain.types import COMPLETE_WITHIN

GAP_EDGES = (0.0, 0.01, 0.02, COMPLETE_WITHIN, 0.1, 0.2, 0.5)
"""Where the classes of the completeness gap begin; the last one is open."""
GAP_QUANTILES = (0.5, 0.9, 1.0)
SAME_TIME = 1e-4
"""Stretches whose ends differ by less than this part of the whole window are the same."""
Stretch = tuple[float, float] | None
"""From and to, in hours from the start of the window; None: stated once, without a time."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """How far the attributions of a record are from adding up to what they should (`explain.types.completeness_gap`).

    counts: records in the classes from `GAP_EDGES` on, lower end not within, upper end within, 0 in the first;
    quantiles: at `GAP_QUANTILES`; over: the share of records beyond `COMPLETE_WITHIN` with its exact 95 % interval.
    """

    records: int
    counts: tuple[int, ...]
    quantiles: tuple[float, ...]
    above: int
    over: Interval


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Means over the records that have a channel's modality, largest mean size first, f64[R, S]; NaN where a channel
    has no such stretch. size: of sums of sizes; value: of signed sums.

    named: modality and channel; having: records of each row; share: each row's part of all that was attributed in these
    records, in sizes; records: that have attributions by this method. gaps: None for a method that promises none.
    """

    method: str
    records: int
    named: tuple[tuple[str, str], ...]
    stretches: tuple[Stretch, ...]
    having: tuple[int, ...]
    share: tuple[float, ...]
    size: Float[np.ndarray, "r s"]
    value: Float[np.ndarray, "r s"]
    gaps: Gaps | None


def methods(audit: Audit) -> tuple[str, ...]:
    """The methods of which the audit holds attributions."""
    found = audit.query("select distinct method::varchar as method from attributions order by 1")
    return tuple(found.column("method").to_pylist())


def channels(audit: Audit, method: str, ids: Sequence[str] | None = None) -> Channels | None:
    """One method over these records, over all for None; None where it has nothing of them."""
    asked: list[object] = [method]
    kept = "method = ?"
    if ids is not None:
        kept += " and record_id in (select unnest(?))"
        asked.append(list(ids))
    rows = audit.query(
        f"""select modality::varchar as modality, channel::varchar as channel, bin, min(from_hour) as begin,
            max(to_hour) as until, avg(size) as size, avg(value) as value, sum(size) as total, count(*) as having
            from attributions where {kept} group by all order by modality, channel, bin""",
        asked,
    ).to_pylist()
    if not rows:
        return None
    missed = audit.query(
        f"select any_value(gap)::double as gap from attributions where {kept} group by record_id", asked
    ).column("gap")
    times = _stretches([_time(row) for row in rows])
    named = sorted({(row["modality"], row["channel"]) for row in rows})
    place = {name: k for k, name in enumerate(named)}
    shape = (len(named), len(set(times.values())))
    size, value = np.full(shape, np.nan), np.full(shape, np.nan)
    totals, having = np.zeros(len(named)), np.zeros(len(named), dtype=int)
    for row in rows:
        at = place[row["modality"], row["channel"]]
        size[at, times[_time(row)]], value[at, times[_time(row)]] = row["size"], row["value"]
        totals[at] += row["total"]
        having[at] = max(having[at], row["having"])
    order = np.argsort(-np.nansum(size, axis=1), kind="stable")
    return Channels(
        method,
        len(missed),
        tuple(named[k] for k in order),
        tuple({column: stretch for stretch, column in reversed(times.items())}[k] for k in range(shape[1])),
        tuple(having[order].tolist()),
        tuple((totals[order] / (totals.sum() or 1.0)).tolist()),
        size[order],
        value[order],
        gaps(np.asarray(missed.drop_null().to_numpy(), dtype=float)),
    )


def gaps(found: Float[np.ndarray, " n"]) -> Gaps | None:
    """One gap a record; None where there is none."""
    if not len(found):
        return None
    # Gaps are stored as f32: one that is written as an edge belongs to the class below it.
    above = int((found > np.float32(COMPLETE_WITHIN)).sum())
    classes = np.searchsorted(np.asarray(GAP_EDGES[1:], np.float32), found.astype(np.float32), "left")
    return Gaps(
        len(found),
        tuple(np.bincount(classes, minlength=len(GAP_EDGES)).tolist()),
        tuple(np.quantile(found, GAP_QUANTILES).tolist()),
        above,
        Interval(above / len(found), *clopper_pearson(above, len(found))),
    )


def _time(row: dict[str, float]) -> Stretch:
    return None if row["begin"] is None else (row["begin"], row["until"])


def _stretches(found: Sequence[Stretch]) -> dict[Stretch, int]:
    """The column of each stretch: by time, what is stated once last. Ends that differ only by rounding are one."""
    timed = sorted({stretch for stretch in found if stretch is not None})
    near = SAME_TIME * max((until for _, until in timed), default=0.0)
    columns: dict[Stretch, int] = {}
    begun: list[tuple[float, float]] = []
    for stretch in timed:
        twin = [
            k for k, other in enumerate(begun) if max(abs(a - b) for a, b in zip(stretch, other, strict=True)) <= near
        ]
        if not twin:
            begun.append(stretch)
        columns[stretch] = twin[0] if twin else len(begun) - 1
    return columns | ({None: len(begun)} if None in found else {})
