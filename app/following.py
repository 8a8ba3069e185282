"""One modality followed through the steps of the fusion: numbers -> words of the Fusion page. Pure.

Axes: M modalities. The steps are `STEPS`; one that the model does not have is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from app.figures.drawing import listing, percent, signed
from app.views import Analysis

STEPS: Mapping[str, str] = {
    "attention": "Attention α",
    "graph": "Graph",
    "gates": "Gate γ",
    "weights": "Weight β",
    "split": "Log-odds",
    "shapley": "Shapley",
}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
NAMED = 2
"""Ties of more than so many are counted, not listed."""


def choices(analysis: Analysis) -> dict[str, str]:
    """Title by name of what can be followed: what the record has."""
    return {n: t for n, t, here in zip(analysis.names, analysis.titles, analysis.present, strict=True) if here}


def followed(analysis: Analysis, alpha: np.ndarray | None, name: str) -> dict[str, str]:
    """What each step did with one modality of the record, by step. alpha: f[M, M], the attention that is shown."""
    full, k, rows = analysis.full, analysis.names.index(name), _rows(analysis)
    out: dict[str, str] = {}
    if alpha is not None:
        out["attention"] = _takes(alpha[k], analysis.titles, rows, k)
    if full.adjacency is not None and len(rows) > 1:
        alike = (full.adjacency[k] + full.adjacency[:, k]) / 2
        out["graph"] = _alike(alike, analysis.titles, [i for i in rows if i != k])
    if full.gates is not None:
        out["gates"] = f"gate {full.gates[k]:.2f} ({_place(full.gates, rows, k, _two_digits)})"
    if full.weights is not None:
        out["weights"] = f"weight {percent(float(full.weights[k]))} ({_place(full.weights, rows, k, percent)})"
    if full.node_logits is not None:
        out["split"] = f"adds {signed(float(full.node_logits[k]))} to the log-odds"
    return out | {"shapley": f"Shapley value {signed(float(analysis.shapley[k]))}"}


def leaders(analysis: Analysis, alpha: np.ndarray | None) -> dict[str, str]:
    """The modality that stands first in each step, with its number; empty where nothing was recorded."""
    full, rows = analysis.full, _rows(analysis)
    if not rows:
        return {}
    out: dict[str, str] = {}
    if alpha is not None:
        out["attention"] = "most is taken from {} ({})".format(*_largest(alpha[rows].mean(0), analysis.titles, rows))
    if full.adjacency is not None and len(rows) > 1:
        mean = (full.adjacency + full.adjacency.T) / 2
        pairs = {f"{analysis.titles[i]} with {analysis.titles[j]}": mean[i, j] for i in rows for j in rows if i < j}
        first, share = _largest(np.array(list(pairs.values())), list(pairs), range(len(pairs)), what="pairs")
        out["graph"] = f"most alike: {first} ({share})"
    if full.gates is not None:
        out["gates"] = "widest: {} ({})".format(*_largest(full.gates, analysis.titles, rows, _two_digits))
    if full.weights is not None:
        out["weights"] = "largest: {} ({})".format(*_largest(full.weights, analysis.titles, rows))
    if full.node_logits is not None:
        out["split"] = "largest part: {} ({})".format(*_strongest(full.node_logits, analysis.titles, rows))
    return out | {"shapley": "moved it most: {} ({})".format(*_strongest(analysis.shapley, analysis.titles, rows))}


def sentence(title: str, found: Mapping[str, str]) -> str:
    """'ECG: takes 41 % of its attention from PPG, …, gate 0.63 (first of 4), …'."""
    return f"{title}: {', '.join(found.values())}."


def _rows(analysis: Analysis) -> list[int]:
    return [int(i) for i in np.flatnonzero(analysis.present)]


def _takes(row: np.ndarray, titles: Sequence[str], rows: Sequence[int], k: int) -> str:
    """From which other it takes most, and how much it keeps to itself. row: f[M]."""
    itself = f"{percent(float(row[k]))} from itself"
    others = [i for i in rows if i != k]
    if not others:
        return f"takes {itself}"
    names, share = _largest(row, titles, others)
    of_what = "" if share.endswith("each") else " of its attention"
    return f"takes {share}{of_what} from {names}, {itself}"


def _alike(shares: np.ndarray, titles: Sequence[str], others: Sequence[int]) -> str:
    """Which other it is most like, or that it is like all of them alike. shares: f[M]."""
    names, share = _largest(shares, titles, others)
    if len(others) > 1 and len({percent(float(shares[i])) for i in others}) == 1:
        return f"equally like all others (similarity share {share})"
    return f"most like {names} (similarity share {share})"


def _two_digits(value: float) -> str:
    return f"{value:.2f}"


def _largest(
    values: np.ndarray,
    titles: Sequence[str],
    rows: Sequence[int],
    write: Callable[[float], str] = percent,
    what: str = "modalities",
) -> tuple[str, str]:
    """Who has the largest value, and the value; those whose values print alike are ties."""
    top = write(max(float(values[i]) for i in rows))
    first = [titles[i] for i in rows if write(float(values[i])) == top]
    if len(first) > NAMED:
        return f"{len(first)} {what}", f"{top} each"
    return listing(first), top if len(first) == 1 else f"{top} each"


def _strongest(values: np.ndarray, titles: Sequence[str], rows: Sequence[int]) -> tuple[str, str]:
    """Who has the largest value by size, with its sign."""
    i = max(rows, key=lambda row: abs(float(values[row])))
    return titles[i], signed(float(values[i]))


def _place(values: np.ndarray, rows: Sequence[int], k: int, write: Callable[[float], str]) -> str:
    """'first of 4'; 'shared second of 4' where others print alike."""
    larger = sum(
        float(values[i]) > float(values[k]) and write(float(values[i])) != write(float(values[k])) for i in rows
    )
    shared = sum(write(float(values[i])) == write(float(values[k])) for i in rows) > 1
    place = ORDINALS[larger] if larger < len(ORDINALS) else f"number {larger + 1}"
    return f"{'shared ' if shared else ''}{place} of {len(rows)}"
