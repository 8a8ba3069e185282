"""Gradient-boosted trees and regularised linear models on summary features, and the trees as a teacher."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from amfn.types import InputError

Kind = Literal["binary", "regression"]
# Chosen on ICU mortality, out of fold. Fewer records than FEW take fewer, smaller trees.
TREES: dict[str, Any] = {
    "learning_rate": 0.04, "max_iter": 250, "max_leaf_nodes": 12, "min_samples_leaf": 30, "l2_regularization": 5.0,
    "max_features": 0.15, "early_stopping": False,
}  # fmt: skip
FEW = 2000
# A forecast has 24 targets, each with trees of its own: larger steps, fewer of them.
FASTER: dict[str, Any] = {"learning_rate": 0.1, "max_iter": 100}
SMALLER: dict[str, Any] = {"max_iter": 200, "max_leaf_nodes": 6, "min_samples_leaf": 8}
STRENGTHS = np.logspace(-4, -1, 7)
PENALTIES = np.logspace(0, 5, 11)
INNER_FOLDS = 5
CLIP = 4.0


def gradient_boosted_trees(
    x: Float[np.ndarray, "n f"], y: Float[np.ndarray, " n"], kind: Kind, seed: int
) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
    """Fitted trees (Friedman 2001; histogram splits as in LightGBM, Ke et al. 2017). NaN goes to the side that helps.

    Raises InputError where a class is missing.
    """
    settings = TREES | (FASTER if kind == "regression" else {})
    settings |= SMALLER | {"min_samples_leaf": min(8, max(1, len(x) // 10))} if len(x) < FEW else {}
    _require_both(y, kind)
    made = HistGradientBoostingClassifier if kind == "binary" else HistGradientBoostingRegressor
    # A column without one number has no bins, which scikit-learn refuses; one that never varies is never split.
    return made(**settings, random_state=seed).fit(np.where(np.isnan(x).all(0), 0.0, x), y)


def linear_model(x: Float[np.ndarray, "n f"], y: Float[np.ndarray, " n"], kind: Kind, seed: int) -> Pipeline:
    """Fitted logistic or ridge regression: medians and an indicator for what is missing, signed logarithms, z-scores
    clipped at ±4, strength of the L2 penalty by inner folds."""
    _require_both(y, kind)
    before = [
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        FunctionTransformer(signed_log),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -CLIP, "a_max": CLIP}),
    ]
    if kind == "regression":
        return make_pipeline(*before, RidgeCV(PENALTIES)).fit(x, y)
    inner = StratifiedKFold(min(INNER_FOLDS, int(np.bincount(y.astype(int)).min())), shuffle=True, random_state=seed)
    model = LogisticRegressionCV(
        Cs=STRENGTHS, cv=inner, scoring="neg_log_loss", max_iter=300, l1_ratios=(0.0,), use_legacy_attributes=False
    )
    with warnings.catch_warnings():
        # The weakest penalties may not converge; the inner folds choose among all of them by what they predict.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(*before, model).fit(x, y)


def signed_log(x: np.ndarray) -> np.ndarray:
    """sign(x) log(1 + |x|): laboratory values are skewed, differences have a sign."""
    return np.sign(x) * np.log1p(np.abs(x))


def with_removed_copies(
    x: Float[np.ndarray, "n f"],
    y: Float[np.ndarray, " n"],
    modality_of: Sequence[str],
    seed: int,
    share: float = 0.3,
    copies: int = 2,
) -> tuple[Float[np.ndarray, "m f"], Float[np.ndarray, " m"]]:
    """The rows, and `copies` of each in which every modality is NaN with probability `share`: what modality dropout is
    to a network."""
    draw = np.random.default_rng(seed)
    names = list(dict.fromkeys(modality_of))
    column = np.array([names.index(name) for name in modality_of])
    more = []
    for _ in range(copies):
        gone = draw.random((len(x), len(names))) < share
        more.append(np.where(gone[:, column], np.float32(np.nan), x))
    return np.concatenate([x, *more]), np.tile(y, copies + 1)


def cross_fitted(
    x: Float[np.ndarray, "n f"], y: Float[np.ndarray, " n"], seed: int, members: int = 2, folds: int = INNER_FOLDS
) -> Float[np.ndarray, " n"]:
    """The trees' probability f64[N] of each row, from `members` models that were fitted without it: a teacher for these
    rows that has learnt none of them by heart. x, y: the training rows of an outer fold, no others."""
    _require_both(y, "binary")
    rarest = int(np.bincount(y.astype(int)).min())
    if rarest < folds:
        raise InputError("labels", f"{rarest} of the rarer class", f"at least {folds}, one a fold", "Name more data.")
    chance = np.zeros(len(y))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(y[:, None], y):
        for member in range(members):
            model = gradient_boosted_trees(x[train], y[train], "binary", seed + member)
            chance[test] += model.predict_proba(x[test])[:, 1] / members
    return chance


def _require_both(y: np.ndarray, kind: Kind) -> None:
    if kind == "binary" and len(np.unique(y)) < 2:
        raise InputError("labels", f"{len(y)} records, all of one class", "both outcomes", "Name more data.")
