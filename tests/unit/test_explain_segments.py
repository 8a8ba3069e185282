"""Cutting a record into segments and taking them out, and what is usual over a cohort."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from amfn.types import Batch, InputError
from explain.reference import Reference
from explain.segments import segments_of, without
from tests import toys

SCHEMA = toys.schema({"ecg": 2, "labs": 3})


def one() -> Batch:
    return toys.random_batch(SCHEMA, 2, seed=1).rows([0])


def test_every_valid_step_belongs_to_one_segment_and_sums_lose_nothing() -> None:
    record = one()
    found = segments_of(SCHEMA, record, {"ecg": 2, "labs": 3})
    values = {
        name: torch.randn_like(x[0]).numpy() * record.valid[name][0, :, None].numpy() for name, x in record.x.items()
    }
    assert found.sums(values).sum() == pytest.approx(sum(float(v.sum(dtype=np.float64)) for v in values.values()))
    for name, ids in found.ids.items():
        assert ((ids >= 0) == record.valid[name][0].numpy()[:, None]).all()
        for row in np.unique(ids[ids >= 0]):
            piece = found.table[row]
            assert (np.argwhere(ids == row)[:, 1] == piece.channel).all()
            assert piece.modality == name
            assert piece.observed == bool(record.observed[name][0, piece.start : piece.stop, piece.channel].any())


def test_an_absent_modality_has_no_segments() -> None:
    record = replace(one(), present=torch.tensor([[True, False]]))
    assert {piece.modality for piece in segments_of(SCHEMA, record).table} == {"ecg"}


def test_taking_out_is_not_measured_or_another_value_and_nothing_else_changes() -> None:
    record = one()
    found = segments_of(SCHEMA, record, {"ecg": 2, "labs": 2})
    gone = np.eye(len(found), dtype=bool)
    unseen = without(record, found, gone)
    filled = without(record, found, gone, {name: torch.full_like(x[0], 7.0) for name, x in record.x.items()})
    for row in range(len(found)):
        for name in SCHEMA.names:
            inside = torch.from_numpy(found.ids[name] == row) & record.observed[name][0]
            assert not unseen.observed[name][row][inside].any()
            assert (filled.x[name][row][inside] == 7.0).all()
            for altered in (unseen, filled):
                assert torch.equal(altered.x[name][row][~inside], record.x[name][0][~inside])
            assert torch.equal(unseen.observed[name][row][~inside], record.observed[name][0][~inside])
            assert torch.equal(filled.observed[name][row], record.observed[name][0])


def test_a_modality_of_which_nothing_is_left_is_absent() -> None:
    record = one()
    found = segments_of(SCHEMA, record)
    gone = np.array([[piece.modality == "labs" for piece in found.table]])
    assert without(record, found, gone).present.tolist() == [[True, False]]


def test_a_width_below_one_step_is_refused() -> None:
    with pytest.raises(InputError, match="labs: 0"):
        segments_of(SCHEMA, one(), {"labs": 0})


def test_reference_by_hand_and_back_from_json() -> None:
    schema = toys.schema({"labs": 2})
    x = torch.tensor([[[1.0, 0.0], [3.0, 0.0]], [[10.0, 0.0], [0.0, 0.0]]])
    seen = torch.tensor([[[True, False], [True, False]], [[True, False], [False, False]]])
    batch = replace(
        toys.random_batch(schema, records=2, steps=2),
        x={"labs": x}, observed={"labs": seen}, valid={"labs": torch.ones(2, 2, dtype=torch.bool)},
    )  # fmt: skip
    found = Reference.of(schema, [batch.rows([0]), batch.rows([1])], "digest")
    assert found.median["labs"].tolist() == [3.0, 0.0]
    assert found.typical["labs"].tolist() == [6.0, 0.0]  # the records' own medians are 2 and 10
    assert found.low["labs"][0] == pytest.approx(1.04)
    assert found.high["labs"][0] == pytest.approx(9.86)
    again = Reference.from_json(found.to_json())
    assert again.records == 2
    assert again.data == "digest"
    np.testing.assert_allclose(again.high["labs"], found.high["labs"], atol=1e-5)
    found.require(schema)
    with pytest.raises(InputError, match="3 numbers, one a channel"):
        found.require(toys.schema({"labs": 3}))
    with pytest.raises(InputError, match="no reference"):
        Reference.from_json({"median": 3})
    with pytest.raises(InputError, match="no record"):
        Reference.of(schema, [], "digest")
