"""What networks are compared with: summary features of a record, gradient-boosted trees and linear models on them."""

from __future__ import annotations

from amfn.classical.features import SummaryTable, summary_features
from amfn.classical.models import cross_fitted, gradient_boosted_trees, linear_model, with_removed_copies

__all__ = [
    "SummaryTable",
    "cross_fitted",
    "gradient_boosted_trees",
    "linear_model",
    "summary_features",
    "with_removed_copies",
]
