"""Removal curves with answers known by hand, and attributions that must fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from amfn.types import Batch, Encoded, Explainable, InputError
from explain.baselines import Baseline, zero
from explain.faithfulness import NOT_MEASURED, Faithfulness, faithfulness
from explain.infidelity import infidelity, sensitivity
from explain.types import Attribution
from tests import toys

SCHEMA = toys.schema({"a": 4, "b": 4})
A, B = [1.0, 2.0, 3.0, 4.0], [-1.1, -2.2, 0.5, 1.5]
DELETION = [9.2, 5.2, 2.2, 0.2, -1.3, -2.3, -2.8, -1.7, 0.5]
INSERTION = [0.5, 4.5, 7.5, 9.5, 11.0, 12.0, 12.5, 11.4, 9.2]


def record(a: list[float] = A, b: list[float] = B) -> Batch:
    return toys.batch({"a": [[a]], "b": [[b]]})


def attribution(values: Mapping[str, object], target: str = "outcome") -> Attribution:
    arrays = {name: np.asarray(v, np.float32) for name, v in values.items()}
    return Attribution("given", target, "zero", {}, arrays, 0.0, 0.0, 0.0)


def exact(batch: Batch) -> Attribution:
    """What the additive toy adds up: the values themselves."""
    return attribution({name: x[0].numpy() for name, x in batch.x.items()})


def report(batch: Batch, of: Attribution | None = None) -> Faithfulness:
    model = toys.Toy(toys.additive, SCHEMA)
    return faithfulness(model, batch, of or exact(batch), zero(batch), seeds=range(6))


def test_curves_of_a_sum_are_the_partial_sums() -> None:
    found = report(record())
    assert found.direction == 1
    assert [curves.replacement for curves in found.curves] == [NOT_MEASURED, "zero"]
    for curves in found.curves:
        np.testing.assert_allclose(curves.share, np.arange(9) / 8)
        np.testing.assert_allclose(curves.deletion, DELETION, atol=1e-6)
        np.testing.assert_allclose(curves.insertion, INSERTION, atol=1e-6)
        np.testing.assert_allclose(curves.random[:, 0], 9.2, rtol=1e-6)
        np.testing.assert_allclose(curves.random_insertion[:, 0], 0.5)


def test_measures_are_what_their_sources_define() -> None:
    found = report(record())
    p, kept = expit(DELETION), expit(INSERTION)
    top = [1, 1, 1, 2, 4]  # of eight segments, 1, 5, 10, 20 and 50 % rounded up
    most = expit(9.2 - np.cumsum([0, 4, 3, -2.2, 2]))
    least = expit(9.2 - np.cumsum([0, 0.5, 1, -1.1, 1.5]))
    for name, scale, value in (
        ("deletion", "logit", np.trapezoid(DELETION) / 8),
        ("insertion", "probability", np.trapezoid(kept) / 8),
        ("comprehensiveness", "probability", np.mean(p[0] - p[top])),
        ("sufficiency", "probability", np.mean(p[0] - kept[top])),
        ("CPD", "probability", np.abs(np.diff(most)).sum()),
        ("CPP", "probability", np.abs(np.diff(least)).sum()),
    ):
        assert found.score(name, "zero", scale).value == pytest.approx(value, abs=1e-6), name


def test_the_exact_attribution_wins_and_its_opposite_loses() -> None:
    good, bad = report(record()), report(record(), attribution({"a": [[-v for v in A]], "b": [[-v for v in B]]}))
    assert good.verdict == "better than random"
    assert all(score.beaten == 6 for score in good.judged)
    assert bad.verdict == "no better than random"
    assert all(score.beaten == 0 for score in bad.judged)
    assert "beats 0 of 6" in bad.said


def test_the_order_follows_the_predicted_direction() -> None:
    down = report(record([-v for v in A], [-v for v in B]))
    assert down.direction == -1
    assert down.verdict == "better than random"
    np.testing.assert_allclose(down.curves[0].deletion, 1.0 - np.array(DELETION), atol=1e-6)
    assert down.score("deletion").value == pytest.approx(np.trapezoid(DELETION) / 8 - 1.0, abs=1e-6)


def test_half_right_is_called_mixed() -> None:
    a, b = [4.0, 3.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0]
    swapped = attribution({"a": [[3.0, 4.0, 0.2, 0.1]], "b": [[2.0, 1.0, 0.05, 0.04]]})
    batch = record(a, b)
    found = faithfulness(toys.Toy(toys.additive, SCHEMA), batch, swapped, seeds=range(40))
    assert found.verdict == "mixed"
    assert 20 < found.score("deletion").beaten < 40


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=8, max_size=8).filter(any), st.integers(0, 1000))
def test_no_random_order_beats_the_exact_one_on_a_sum(numbers: list[int], seed: int) -> None:
    values = [float(v) for v in numbers]
    batch = record(values[:4], values[4:])
    found = faithfulness(toys.Toy(toys.additive, SCHEMA), batch, exact(batch), seeds=[seed])
    deletion, insertion = found.score("deletion"), found.score("insertion")
    assert deletion.value <= deletion.random[0] + 1e-5
    assert insertion.value >= insertion.random[0] - 1e-5


def test_too_few_segments_nothing_attributed_or_nothing_that_moves_is_said() -> None:
    small = toys.schema({"a": 3})
    few = toys.batch({"a": [[[1.0, 2.0, 3.0]]]})
    found = faithfulness(toys.Toy(toys.additive, small), few, exact(few), zero(few))
    assert (found.verdict, found.curves, found.infidelity) == ("not tested", (), None)
    assert "3 segments" in found.said
    nothing = report(record(), attribution({"a": [[0.0] * 4]}))
    assert "zero in every segment" in nothing.said
    batch = record()
    still = faithfulness(toys.Toy(lambda z: 0.0 * z.sum(1), SCHEMA), batch, exact(batch), zero(batch))
    assert still.verdict == "not tested"
    assert "stays the same" in still.said
    absent = faithfulness(
        toys.Toy(toys.additive, SCHEMA), replace(batch, present=torch.tensor([[False, False]])), attribution({})
    )
    assert "0 segments" in absent.said
    for each in (found, nothing, still, absent):
        json.dumps(each.to_json(), allow_nan=False)


def test_a_constant_signal_at_the_baseline_is_judged_by_what_can_move() -> None:
    """Zero everywhere: putting zero there changes nothing, taking the mask away does."""

    class Counting(toys.Toy):
        def encode(self, batch: Batch) -> Encoded:
            return super().encode(replace(batch, x={m: o.float() for m, o in batch.observed.items()}))

    batch = record([0.0] * 4, [0.0] * 4)
    found = faithfulness(Counting(toys.additive, SCHEMA), batch, attribution({"a": [[1.0] * 4]}), zero(batch))
    assert [curves.moves for curves in found.curves] == [True, False]
    assert {score.replacement for score in found.judged} == {NOT_MEASURED}
    assert found.verdict == "no better than random"  # every order is a tie, and a tie is no win


def test_progress_rises_to_the_whole_and_the_model_stays_as_it_was() -> None:
    batch, told = toys.random_batch(SCHEMA, 1, seed=3), list[float]()
    model = toys.Recurrent(SCHEMA)
    before = {name: p.clone() for name, p in model.state_dict().items()}
    of = attribution({name: x[0].numpy() for name, x in batch.x.items()})
    found = faithfulness(model, batch, of, zero(batch), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(found.scores) == 16
    assert all(torch.equal(before[name], p) for name, p in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not model.training
    json.dumps(found.to_json(), allow_nan=False)


def test_one_number_a_step_is_shared_by_its_channels() -> None:
    batch = toys.batch({"a": np.ones((1, 8, 2)), "b": np.zeros((1, 8, 1))})
    schema = toys.schema({"a": 2, "b": 1})
    steps = attribution({"a": np.arange(8.0)[:, None]})
    found = faithfulness(toys.Toy(toys.additive, schema), batch, steps, zero(batch))
    assert found.segments == 24
    assert infidelity(toys.Toy(toys.additive, schema), batch, steps, zero(batch)) > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"of": attribution({"a": [[np.nan] * 4]})}, "finite"),
        ({"of": attribution({"c": [[1.0] * 4]})}, "speaks of c"),
        ({"of": attribution({"a": [[1.0] * 3]})}, "shape"),
        ({"of": attribution({"a": [[1.0] * 4]}, target="other")}, "target"),
        ({"baseline": Baseline("of others", "", {"a": torch.zeros(1, 1, 4)})}, "b missing"),
        ({"seeds": []}, "none"),
        ({"batch": toys.batch({"a": [[A], [A]], "b": [[B], [B]]})}, "2 records"),
    ],
)
def test_what_does_not_belong_to_the_record_is_refused(change: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"batch": record(), "of": exact(record()), "baseline": None, "seeds": [0], **change}
    with pytest.raises(InputError, match=said):
        faithfulness(
            toys.Toy(toys.additive, SCHEMA),
            given["batch"],  # type: ignore[arg-type]
            given["of"],  # type: ignore[arg-type]
            given["baseline"],  # type: ignore[arg-type]
            seeds=given["seeds"],  # type: ignore[arg-type]
        )


def test_a_baseline_of_several_rows_gives_their_mean() -> None:
    batch = record()
    rows = {name: torch.cat([torch.full_like(x, -1.0), torch.full_like(x, 2.0)]) for name, x in batch.x.items()}
    model = toys.Toy(toys.additive, SCHEMA)
    several = faithfulness(model, batch, exact(batch), Baseline("two", "two rows", rows))
    middle = faithfulness(
        model, batch, exact(batch), Baseline("two", "", {m: x.mean(0)[None] for m, x in rows.items()})
    )
    np.testing.assert_allclose(several.curves[1].deletion, middle.curves[1].deletion, atol=1e-6)
    assert several.curves[1].deletion[-1] == pytest.approx(0.5 + 8 * 0.5)


def test_magnitudes_are_ordered_by_their_size_whatever_the_direction() -> None:
    """A record below the prior: by the sign of a sensitivity the weakest segment would go first."""
    batch = record([-v for v in A], [0.0] * 4)
    sizes = attribution({"a": [A]})
    magnitudes = faithfulness(toys.Toy(toys.additive, SCHEMA), batch, replace(sizes, in_logits=False))
    signed = faithfulness(toys.Toy(toys.additive, SCHEMA), batch, sizes)
    assert magnitudes.direction == signed.direction == -1
    assert magnitudes.verdict == "better than random"
    assert signed.verdict == "no better than random"
    unsigned = faithfulness(toys.Toy(toys.additive, SCHEMA), batch, replace(sizes, in_logits=False), zero(batch))
    assert unsigned.infidelity is None
    with pytest.raises(InputError, match="without a sign"):
        infidelity(toys.Toy(toys.additive, SCHEMA), batch, replace(sizes, in_logits=False), zero(batch))


def test_a_measure_that_was_not_taken_is_refused() -> None:
    with pytest.raises(InputError, match="deletion / median"):
        report(record()).score("deletion", "median")


def test_infidelity_is_zero_for_the_exact_attribution_and_its_squared_error_otherwise() -> None:
    batch = record()
    model = toys.Toy(toys.additive, SCHEMA)
    assert infidelity(model, batch, exact(batch), zero(batch)) == pytest.approx(0.0, abs=1e-9)
    one = toys.batch({"a": [[[2.0]]]})
    single = toys.Toy(toys.additive, toys.schema({"a": 1}))
    assert infidelity(single, one, attribution({"a": [[5.0]]}), zero(one)) == pytest.approx((5.0 - 2.0) ** 2)
    hours = toys.batch({"a": [[[2.0], [1.0], [0.5]]]})
    assert infidelity(single, hours, exact(hours), zero(hours)) == pytest.approx(0.0, abs=1e-9), "one modality, 3 steps"
    nothing = replace(batch, observed={m: torch.zeros_like(o) for m, o in batch.observed.items()})
    assert infidelity(model, nothing, exact(batch), zero(batch)) == 0.0


def test_sensitivity_is_how_far_the_attribution_moves() -> None:
    batch, model = record([1.0] * 4, [1.0] * 4), toys.Toy(toys.additive, SCHEMA)

    def readout(model: Explainable, one: Batch) -> Attribution:
        return exact(one)

    def unmoved(model: Explainable, one: Batch) -> Attribution:
        return attribution({"a": [A]})

    assert sensitivity(model, batch, unmoved) == 0.0
    assert 0.004 < sensitivity(model, batch, readout) <= 0.02 + 1e-6
    assert sensitivity(model, batch, readout, radius=0.2) > 5 * sensitivity(model, batch, readout)
    assert faithfulness(model, batch, exact(batch), explainer=readout, seeds=[0]).sensitivity == sensitivity(
        model, batch, readout
    )


def test_sensitivity_leaves_unmeasured_values_and_categories_alone() -> None:
    spec = SCHEMA.modalities[0]
    flags = replace(spec, channels=tuple(replace(c, flag=True) for c in spec.channels))
    schema = replace(SCHEMA, modalities=(flags, SCHEMA.modalities[1]))
    batch = record()
    batch = replace(batch, observed={**batch.observed, "b": torch.zeros_like(batch.observed["b"])})
    assert sensitivity(toys.Toy(toys.additive, schema), batch, lambda model, one: exact(one)) == 0.0
