"""The columns of an audit's tables. Axes: M modalities. A modality that a record lacks is NULL, never zero.

What belongs to a modality has its name after an underscore (`shapley_heart_rate`); matrices are lists of M * M numbers,
row after row, 0 where a modality is absent, NULL as a whole where the system has no such thing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa

from audit.plan import Table
from explain.reality import CONTRIBUTION, ROUTING, Measure

MEASURES: Mapping[Measure, str] = {
    "shapley": "shapley",
    "leave_one_out": "loo",
    "gate": "gate",
    "weight": "weight",
    "attention": "attention",
    "centrality": "centrality",
    "logit_part": "part",
}
"""Measure of `explain.reality` -> how its columns begin."""
MATRICES = ("interactions", "attention_matrix", "adjacency")
TAUS: Mapping[tuple[Measure, Measure], str] = {
    (routing, contribution): f"tau_{MEASURES[routing]}_{MEASURES[contribution]}"
    for routing in ROUTING
    for contribution in CONTRIBUTION
}
"""Kendall's tau of a routing measure with the strength of a contribution -> its column."""


def stratum_column(title: str) -> str:
    """The column of one way to divide a cohort: "ICU type" -> by_icu_type."""
    return "by_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def schema(table: Table, modalities: Sequence[str], strata: Sequence[str]) -> pa.Schema:
    """modalities: names in the order of the model's schema. strata: columns."""
    if table == "records":
        return _records(modalities, strata)
    if table == "subsets":
        return pa.schema([("record_id", pa.string()), ("logits", pa.list_(pa.float32()))])
    words = {name: pa.dictionary(pa.int16(), pa.string()) for name in ("method", "modality", "channel")}
    if table == "attributions":
        return pa.schema(
            [("record_id", pa.string()), *words.items(), ("bin", pa.int16())]
            + [(name, pa.float32()) for name in ("from_hour", "to_hour", "value", "size", "gap")]
        )
    return pa.schema([(name, pa.string()) for name in ("record_id", "source", "stage", "came", "expected", "mend")])


def _records(modalities: Sequence[str], strata: Sequence[str]) -> pa.Schema:
    number, words = pa.float32(), pa.string()
    square = pa.list_(number, len(modalities) ** 2)
    each = [f"{lead}_{name}" for lead in ("observed", *MEASURES.values()) for name in modalities]
    return pa.schema(
        [
            ("record_id", words), ("record_digest", words), ("source", words),
            ("folder", pa.int16()), ("simulated", pa.bool_()), ("group", words),
            *((column, words) for column in strata),
            ("label", pa.int8()), ("answered_by", words), ("logit", number), ("risk", number), ("empty_logit", number),
            ("network_logits", pa.list_(number)), ("spread", number), ("set_10", pa.int8()),
            ("similar_share", number), ("similar_low", number), ("similar_high", number),
            ("findings", pa.int16()), ("warnings", pa.int16()), ("pattern", pa.int32()),
            *((f"present_{name}", pa.bool_()) for name in modalities),
            *((column, number) for column in each),
            ("efficiency_gap", number), *((name, square) for name in MATRICES),
            *((column, number) for column in TAUS.values()),
            ("favourite", words), ("disagrees", pa.bool_()),
        ]
    )  # fmt: skip
