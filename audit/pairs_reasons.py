"""Whether several models have the same reasons for their answers, record by record and modality by modality.

Axes: S models, N records, M modalities. NaN where a record lacks a modality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from audit.measures_modalities import BINS, Distribution, distribution
from explain.reality import EVEN_WITHIN, RANKED_FROM

ALIKE_FROM = 0.5
"""Kendall's tau from which on two orders are called alike: three of four pairs stand in the same order."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Kendall's tau-b of two models' orders over records. ranked: records in which it is defined; counts: these in BINS
    equal parts of -1..1; below: their share with opposite orders, tau < 0; distribution: None where ranked is 0."""

    ranked: int
    distribution: Distribution | None
    counts: tuple[int, ...]
    below: float


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """counts i[2, 2]: records by whether the answers are alike (row: 0 no, 1 yes) and the orders (column). unranked:
    records whose orders cannot be compared."""

    counts: Int[np.ndarray, "2 2"]
    unranked: int


def taus(first: Float[np.ndarray, "n m"], second: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """Kendall's tau-b of each record's two rows over the modalities that both have, all records at once.

    NaN where fewer than three modalities are there to rank or one of the rows is even (`explain.reality`, the same
    rules). From the signs of all pairs: (concordant - discordant) / sqrt(pairs untied in one * in the other).
    """
    both = np.isfinite(first) & np.isfinite(second)
    i, j = np.triu_indices(first.shape[1], 1)
    here = both[:, i] & both[:, j]
    one, two = (np.where(here, np.sign(values[:, i] - values[:, j]), 0.0) for values in (first, second))
    untied = np.sqrt((one != 0).sum(1, dtype=float) * (two != 0).sum(1))
    ranked = (both.sum(1) >= RANKED_FROM) & (untied > 0) & _uneven(first, both) & _uneven(second, both)
    return np.divide((one * two).sum(1), untied, out=np.full(len(first), np.nan), where=ranked)


def _uneven(values: np.ndarray, here: np.ndarray) -> Bool[np.ndarray, " n"]:
    most = np.where(here, values, -np.inf).max(1, initial=-np.inf)
    least = np.where(here, values, np.inf).min(1, initial=np.inf)
    return most - least >= EVEN_WITHIN


def agreement(found: Float[np.ndarray, " n"]) -> Agreement:
    """How the taus of two models spread over records."""
    known = found[np.isfinite(found)]
    counts = np.histogram(known, BINS, (-1, 1))[0]
    below = float((known < 0).mean()) if len(known) else 0.0
    return Agreement(len(known), distribution(known), tuple(counts.tolist()), below)


def correlations(
    first: Float[np.ndarray, "n m"], second: Float[np.ndarray, "n m"]
) -> tuple[Float[np.ndarray, " m"], Int[np.ndarray, " m"]]:
    """Spearman's rank correlation over records of each modality's values, and over how many; NaN for fewer than three
    records, or where one of the models gives all of them the same value."""
    rho, counts = np.full(first.shape[1], np.nan), np.zeros(first.shape[1], int)
    for k in range(first.shape[1]):
        here = np.isfinite(first[:, k]) & np.isfinite(second[:, k])
        counts[k] = here.sum()
        if counts[k] < RANKED_FROM:
            continue
        one, two = (rankdata(values[here, k]) - (counts[k] + 1) / 2 for values in (first, second))
        scale = np.sqrt((one @ one) * (two @ two))
        rho[k] = one @ two / scale if scale > 0 else np.nan
    return rho, counts


def crossed(
    opposite: Bool[np.ndarray, " n"], found: Float[np.ndarray, " n"], alike_from: float = ALIKE_FROM
) -> Crossed:
    """Answers that stand on the same side of a threshold, and orders whose tau reaches `alike_from`."""
    ranked = np.isfinite(found)
    alike = np.greater_equal(found, alike_from, where=ranked, out=np.zeros(len(found), bool))
    cells = 2 * ~opposite[ranked] + alike[ranked]
    return Crossed(np.bincount(cells, minlength=4).reshape(2, 2), int((~ranked).sum()))
