"""Channels over time from a toy audit that is worked by hand: three records, two modalities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit import Audit, open_audit
from audit.columns import schema
from audit.measures_channels import Channels, channels, gaps, methods
from audit.parts import path_of, write_part
from audit.plan import TABLES
from benchmarks import simulated_audit
from explain.types import COMPLETE_WITHIN

ROOT = Path(__file__).resolve().parents[2]
HOURS = ((0.0, 8.0), (8.0, 16.0))
METHOD = "integrated_gradients"
# Record, modality, channel, stretch, value, size. The third record has no laboratory values.
TOY = (
    ("a", "heart_rate", "HR", 0, 0.5, 0.7), ("a", "heart_rate", "HR", 1, -0.1, 0.1),
    ("a", "labs", "pH", 0, 0.2, 0.2), ("a", "labs", "pH", 1, 0.4, 0.6),
    ("b", "heart_rate", "HR", 0, -0.5, 0.5), ("b", "heart_rate", "HR", 1, 0.3, 0.5),
    ("b", "labs", "pH", 0, 0.0, 2.0), ("b", "labs", "pH", 1, 0.0, 0.0),
    ("c", "heart_rate", "HR", 0, 0.3, 0.3), ("c", "heart_rate", "HR", 1, 0.1, 0.3),
    ("a", "demographics", "Age", None, 0.25, 0.25), ("b", "demographics", "Age", None, 0.5, 0.5),
    ("c", "demographics", "Age", None, -0.75, 0.75),
)  # fmt: skip
GAPS = {"a": 0.004, "b": 0.03, "c": 0.3}


def toy(folder: Path, rounding: float = 0.0) -> Audit:
    """rounding: how much later the stretches of the laboratory end, in hours."""
    manifest = simulated_audit.write(folder, 3, ROOT / "checkpoints" / "icu_mortality")
    tables = {table: pq.read_table(path_of(folder, table, 0)) for table in TABLES}
    rows = []
    for record_id, modality, channel, k, value, size in TOY:
        begin, until = (None, None) if k is None else HOURS[k]
        late = rounding if modality == "labs" else 0.0
        rows.append(
            {
                "record_id": record_id, "method": METHOD, "modality": modality, "channel": channel, "bin": k or 0,
                "from_hour": begin, "to_hour": None if until is None else until + late, "value": value, "size": size,
                "gap": GAPS[record_id],
            }
        )  # fmt: skip
    own = schema("attributions", manifest.names, tuple(manifest.strata))
    tables["attributions"] = pa.Table.from_pylist(rows, own)
    write_part(folder, 0, tables, manifest.identity, 0.0)
    return open_audit(folder)


def found(audit: Audit, ids: list[str] | None = None) -> Channels:
    answer = channels(audit, METHOD, ids)
    assert answer is not None
    return answer


def test_three_records_by_hand(tmp_path: Path) -> None:
    answer = found(toy(tmp_path / "audit"))
    assert methods(toy(tmp_path / "again")) == (METHOD,)
    assert answer.records == 3
    assert answer.stretches == (*HOURS, None)
    # Sums of mean sizes: pH 1.1 + 0.3, HR 0.5 + 0.3, age 0.5.
    assert answer.named == (("labs", "pH"), ("heart_rate", "HR"), ("demographics", "Age"))
    assert answer.having == (2, 3, 3)
    nan = np.nan
    size = [[1.1, 0.3, nan], [0.5, 0.3, nan], [nan, nan, 0.5]]
    value = [[0.1, 0.2, nan], [0.1, 0.1, nan], [nan, nan, 0.0]]
    np.testing.assert_allclose(answer.size, size, atol=1e-6)
    np.testing.assert_allclose(answer.value, value, atol=1e-6)
    # Sums of all sizes: pH 2.8, HR 2.4, age 1.5 of 6.7.
    assert answer.share == pytest.approx((2.8 / 6.7, 2.4 / 6.7, 1.5 / 6.7), abs=1e-6)


def test_only_the_records_that_are_asked_for_count(tmp_path: Path) -> None:
    audit = toy(tmp_path / "audit")
    answer = found(audit, ["a", "c"])
    assert answer.records == 2
    heart = answer.named.index(("heart_rate", "HR"))
    assert answer.having[heart] == 2
    np.testing.assert_allclose(answer.size[heart, :2], [0.5, 0.2], atol=1e-6)
    np.testing.assert_allclose(answer.value[heart, :2], [0.4, 0.0], atol=1e-6)
    assert answer.gaps is not None
    assert (answer.gaps.records, answer.gaps.above) == (2, 1)
    assert channels(audit, METHOD, []) is None
    assert channels(audit, METHOD, ["nobody"]) is None
    assert channels(audit, "saliency") is None


@pytest.mark.parametrize(("late", "columns"), [(1e-4, 3), (1.0, 5)])
def test_stretches_are_one_where_they_differ_by_rounding_only(tmp_path: Path, late: float, columns: int) -> None:
    answer = found(toy(tmp_path / "audit", late))
    assert len(answer.stretches) == answer.size.shape[1] == columns
    assert answer.stretches[-1] is None
    labs = answer.named.index(("labs", "pH"))
    np.testing.assert_allclose(np.nansum(answer.size[labs]), 1.4, atol=1e-6)


def test_the_completeness_gap_by_hand(tmp_path: Path) -> None:
    answer = found(toy(tmp_path / "audit")).gaps
    assert answer is not None
    # Classes end at 1, 2, 5, 10, 20, 50 %.
    assert answer.counts == (1, 0, 1, 0, 0, 1, 0)
    assert answer.quantiles == pytest.approx((0.03, 0.246, 0.3), abs=1e-6)
    assert (answer.records, answer.above) == (3, 1)
    # Clopper and Pearson for 1 of 3, from their published table.
    assert (answer.over.value, answer.over.low, answer.over.high) == pytest.approx((1 / 3, 0.0084, 0.9057), abs=1e-4)


def test_a_gap_at_the_limit_is_within_it() -> None:
    answer = gaps(np.array([COMPLETE_WITHIN, 0.051], np.float32))
    assert answer is not None
    assert (answer.above, answer.counts) == (1, (0, 0, 1, 1, 0, 0, 0))
    assert gaps(np.array([])) is None
