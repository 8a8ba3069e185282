"""Whether two rankings agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from amfn.types import InputError

Taus = tuple[tuple[float | None, ...], ...]
"""[n, n], symmetric: None where a pair cannot be ranked."""


def kendall(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float | None:
    """Kendall's tau-b of two rankings, in [-1, 1]; None where a side is constant or shorter than 2: nothing to rank.

    Source: Kendall 1945, "The treatment of ties in ranking problems". Raises InputError for lengths that differ or
    values that are not finite.
    """
    one, two = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if one.ndim != 1 or one.shape != two.shape or not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise InputError(
            "rankings", f"{one.shape} and {two.shape} values", "equally many finite values", "Compare like with like."
        )
    if len(one) < 2 or (one == one[0]).all() or (two == two[0]).all():
        return None
    from scipy.stats import kendalltau

    return float(kendalltau(one, two).statistic)


def kendall_matrix(rows: Float[np.ndarray, "n k"]) -> Taus:
    """`kendall` of every pair of rows, [n, n]."""
    return tuple(tuple(kendall(one, two) for two in rows) for one in rows)
