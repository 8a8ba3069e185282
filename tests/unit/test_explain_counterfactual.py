"""The smallest sets of modalities and the smallest changes of charted values, where both are known by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from amfn.fusion import build_fusion
from amfn.types import Batch, Channel, InputError, ModalitySpec, Prediction, Schema
from explain.changes import Probe, changed, slots_of
from explain.charted import ChartedSearch, changes_across
from explain.coalitions import Coalitions, subsets_of
from explain.counterfactual import removals_across
from explain.reference import Reference
from tests import toys


def game(values: Sequence[float], present: Sequence[bool] = (True, True, True)) -> Coalitions:
    """values: logits of subsets of what is present; bit i of the position is player i of those."""
    here = np.array(present)
    names = tuple("abcd"[: len(here)])
    return Coalitions(names, subsets_of(here), np.array(values, np.float64), here, "outcome")


def test_smallest_removals_by_hand() -> None:
    """-1 with nothing; a and b each bring 2, and no more together; c brings 0.5. Without both a and b it falls."""
    found = removals_across(game([-1, 1, 1, 1, -0.5, 1.5, 1.5, 1.5]), 0.5)
    assert found.above
    assert found.risk == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert [one.modalities for one in found.found] == [("a", "b")]
    assert found.found[0].risk == pytest.approx(1 / (1 + np.exp(0.5)))
    assert found.searched == 7


def test_a_threshold_above_is_crossed_upwards() -> None:
    """c alone holds it down; so do a and b together, but not with c gone: that set is not minimal."""
    found = removals_across(game([0, 0, 0, 1, 0.1, -2, -2, -1]), 0.5)
    assert not found.above
    assert [one.modalities for one in found.found] == [("c",), ("a", "b")]
    # No set crosses when nothing does.
    assert removals_across(game([0, 0, 0, 1, 0.1, -2, -2, -1]), 0.99).found == ()


def test_equal_sets_stand_in_the_order_of_their_effect() -> None:
    found = removals_across(game([-3, -2, 0.5, 1], (True, False, True)), 0.5)
    assert [one.modalities for one in found.found] == [("c",)]
    found = removals_across(game([-3, -2, -1, 1], (True, False, True)), 0.5)
    assert [one.modalities for one in found.found] == [("c",), ("a",)]


def test_a_record_with_nothing_or_one_modality() -> None:
    assert removals_across(game([0.3], (False, False)), 0.5).found == ()
    single = removals_across(game([-2.0, 0.3], (False, True)), 0.5)
    assert [(one.modalities, round(one.risk, 4)) for one in single.found] == [(("b",), 0.1192)]


@given(hnp.arrays(np.float64, 16, elements=st.floats(-5, 5)), st.floats(0.05, 0.95))
def test_minimal_removals_are_those_of_a_search_by_hand(values: np.ndarray, threshold: float) -> None:
    found = removals_across(game(values.tolist(), (True,) * 4), threshold)
    risks = torch.from_numpy(values).sigmoid().numpy()
    crossing = {frozenset("abcd"[i] for i in range(4) if not k >> i & 1) for k in range(16)
                if (risks[k] >= threshold) != (risks[15] >= threshold)}  # fmt: skip
    minimal = {one for one in crossing if not any(other < one for other in crossing)}
    assert {frozenset(one.modalities) for one in found.found} == minimal
    assert len(found.found) == len(minimal)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, float("nan")])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(InputError, match="a probability between 0 and 1"):
        removals_across(game([0, 1], (True,)), threshold)


PLAIN = toys.schema({"a": 1, "b": 1})


def reference(schema: Schema, low: float = -3.0, high: float = 3.0) -> Reference:
    def every(value: float) -> dict[str, np.ndarray]:
        return {spec.name: np.full(len(spec.channels), value, np.float32) for spec in schema.modalities}

    return Reference(every(0.0), every(0.0), every(low), every(high), 10, "toy")


def tenfold(modality: str, channel: int, values: np.ndarray) -> np.ndarray:
    """The toys' normalisation: physical values are ten times the normalised ones."""
    return 10 * np.asarray(values, np.float64)


def two(a: Sequence[float] = (0.0, 0.0), b: Sequence[float] = (0.0,)) -> Batch:
    """One record; measured are the first values of each modality, as many as given."""
    steps = max(len(a), len(b))
    padded = {m: [*v, *[0.0] * (steps - len(v))] for m, v in (("a", a), ("b", b))}
    record = toys.batch({m: torch.tensor(v).view(1, -1, 1) for m, v in padded.items()})
    seen = {m: (torch.arange(steps) < len(v)).view(1, -1, 1) for m, v in (("a", a), ("b", b))}
    return replace(record, observed=seen)


def search(record: Batch, threshold: float, model: toys.Toy | None = None, **options: Any) -> ChartedSearch:
    schema = PLAIN if model is None else model.schema
    within = options.pop("within", reference(schema))
    return changes_across(model or toys.Toy(toys.additive), record, threshold, within, tenfold, **options)


def test_the_smallest_shift_by_hand() -> None:
    """logit = 0.5 + a1 + a2 + b1 = 0.5. Half a chance lies 0.5 below: 0.25 less for both values of a, or 0.5 for b."""
    found = search(two(), 0.5)
    assert found.above
    assert found.risk == pytest.approx(1 / (1 + np.exp(-0.5)))
    a, b = found.found
    step = 3 / 512
    assert [(c.modality, c.channel, c.title, c.values) for c in a.changes] == [("a", 0, "a0", 2)]
    assert -0.25 - step <= a.changes[0].amount <= -0.25
    assert -0.5 - step <= b.changes[0].amount <= -0.5
    assert a.cost == -a.changes[0].amount
    for one in (a, b):
        assert 0.5 > one.risk > 0.49
        assert one.plausible
        assert one.changes[0].before == 0.0
        assert one.changes[0].after == pytest.approx(10 * one.changes[0].amount, rel=1e-5)
        assert one.changes[0].unit == "1"
    assert found.channels == ("a0", "b0")
    assert (found.pairs, found.triples) == (1, 0)


def test_it_goes_up_as_well() -> None:
    found = search(two(), 0.8)
    assert not found.above
    need = (np.log(4) - 0.5) / 2
    assert need <= found.found[0].changes[0].amount <= need + 3 / 512
    assert found.found[0].risk >= 0.8


def test_two_channels_where_one_is_not_enough() -> None:
    """No value may fall by more than 0.2. All of a's 0.4 and half of b's: 0.2 and 0.1, which costs 0.3."""
    found = search(two(), 0.5, within=reference(PLAIN, -0.2, 0.2))
    assert len(found.found) == 1
    a, b = found.found[0].changes
    assert a.amount == pytest.approx(-0.2, abs=1e-6)
    assert b.amount == pytest.approx(-0.1, abs=2e-3)
    assert found.found[0].cost == pytest.approx(0.3, abs=2e-3)
    # And what all together cannot reach is not found, which is said with what was searched.
    none = search(two(), 0.5, within=reference(PLAIN, -0.1, 0.1))
    assert none.found == ()
    assert (none.channels, none.pairs, none.plausible_only) == (("a0", "b0"), 1, True)
    assert none.asked == (4 + 3) * 8


def test_three_channels_where_two_are_not_enough() -> None:
    schema = toys.schema({"a": 1, "b": 1, "c": 1})
    model = toys.Toy(toys.additive, schema)
    record = toys.batch({m: [[[0.0]]] for m in "abc"})
    found = search(record, 0.5, model, within=reference(schema, -0.2, 0.2))
    assert len(found.found) == 1
    assert [c.modality for c in found.found[0].changes] == ["a", "b", "c"]
    assert found.found[0].cost == pytest.approx(0.5, abs=2e-3)
    assert (found.pairs, found.triples) == (3, 1)


def test_a_cheaper_pair_is_found_beside_the_single_channel() -> None:
    """ab with a = b = 1 from 1 to 2.25: 0.5 more of each, or 1.25 of one alone."""
    goal = float(torch.tensor(2.25).sigmoid())
    found = search(two([1.0], [1.0]), goal, toys.Toy(toys.product), within=reference(PLAIN, -9, 9))
    assert [len(one.changes) for one in found.found] == [2, 1, 1]
    assert found.found[0].cost == pytest.approx(1.0, abs=0.02)
    assert found.found[1].cost == pytest.approx(1.25, abs=0.02)


class Spy(toys.Toy):
    """Keeps what it was asked."""

    def __init__(self, schema: Schema | None = None) -> None:
        super().__init__(toys.additive, schema)
        self.seen: list[Batch] = []

    def encode(self, batch: Batch) -> Any:
        self.seen.append(batch)
        return super().encode(batch)


def test_what_was_measured_never_changes_and_nothing_else_moves() -> None:
    model, record = Spy(), two([0.5, -0.5, 0.2], [1.0])
    search(record, 0.5, model)
    assert len(model.seen) > 2
    for batch in model.seen:
        for name in ("a", "b"):
            assert torch.equal(batch.observed[name], record.observed[name].expand_as(batch.observed[name]))
            assert torch.equal(batch.valid[name], record.valid[name].expand_as(batch.valid[name]))
            out = ~batch.observed[name]
            assert (batch.x[name][out] == 0).all()
        assert not (batch.present & ~record.present).any()


def test_only_the_last_steps_change_when_asked() -> None:
    model, record = Spy(), two([0.0, 0.0, 0.0], [0.0])
    found = search(record, 0.5, model, last=1)
    assert [one.changes[0].modality for one in found.found] == ["a"]
    assert -0.5 - 3 / 512 <= found.found[0].changes[0].amount <= -0.5
    assert found.found[0].changes[0].values == 1
    assert found.channels == ("a0",)
    assert all((batch.x["a"][:, :2] == 0).all() for batch in model.seen)


def test_values_stop_at_physiological_limits() -> None:
    """In physical units 0 and 20 of at most 22: only the lower one can go on."""
    spec = ModalitySpec("a", "series", (Channel("heart", "bpm", -4, 22),))
    model = Spy(Schema("toy", (spec,), ("outcome",)))
    record = toys.batch({"a": [[[0.0], [2.0]]]})
    goal = float(torch.tensor(2.5 + 1.0 + 0.2).sigmoid())
    found = search(record, goal, model)
    assert found.found[0].changes[0].amount == pytest.approx(1.0, abs=0.01)
    highest = max(float(batch.x["a"].max()) for batch in model.seen)
    assert highest == pytest.approx(2.2, abs=1e-5)
    assert min(float(batch.x["a"].min()) for batch in model.seen) >= -0.4 - 1e-6


def test_an_answer_beyond_the_usual_is_given_only_when_asked_for_and_says_so() -> None:
    narrow = reference(PLAIN, -0.1, 0.1)
    assert search(two(), 0.5, within=narrow).found == ()
    found = search(two(), 0.5, within=narrow, plausible_only=False)
    assert [one.plausible for one in found.found] == [False, False]
    assert -0.25 - 4 / 512 <= found.found[0].changes[0].amount <= -0.25


def test_a_value_that_was_unusual_already_goes_no_further_and_does_not_make_an_answer_so() -> None:
    """Of 5 and 0 only the second may rise, up to 3; both may fall."""
    model = Spy()
    up = search(two([5.0, 0.0], [0.0]), float(torch.tensor(6.5).sigmoid()), model).found[0]
    assert up.changes[0].amount == pytest.approx(1.0, abs=0.01)
    assert max(float(batch.x["a"].max()) for batch in model.seen) == 5.0
    down = search(two([5.0, 0.0], [0.0]), float(torch.tensor(4.5).sigmoid())).found[0]
    assert down.changes[0].amount == pytest.approx(-0.5, abs=0.01)
    assert up.plausible
    assert down.plausible


STAY = Schema(
    "toy",
    (
        ModalitySpec("chart", "series", (Channel("HR", "bpm", -99, 99), Channel("MechVent", "", 0, 1, flag=True))),
        ModalitySpec(
            "admission",
            "static",
            (
                Channel("Age", "years", -99, 99),
                Channel("Height", "cm", -99, 99),
                Channel("Weight", "kg", -99, 99),
                Channel("male", "", 0, 1, flag=True),
            ),
        ),
    ),
    ("outcome",),
)


def admitted() -> Batch:
    return toys.batch({"chart": [[[0.0, 1.0]]], "admission": [[[0.0, 0.0, 0.0, 1.0]]]})


def test_age_sex_height_and_other_categories_never_change() -> None:
    model = Spy(STAY)
    found = search(admitted(), 0.5, model)
    assert found.channels == ("HR",)
    weighed = search(admitted(), 0.5, model, static=True)
    assert weighed.channels == ("HR", "Weight")
    for batch in model.seen:
        assert (batch.x["admission"][..., [0, 1, 3]] == torch.tensor([0.0, 0.0, 1.0])).all()
        assert (batch.x["chart"][..., 1] == 1).all()
    assert search(admitted(), 0.5, model, immutable=("HR",)).channels == ()


def test_nothing_to_change_is_a_defined_answer() -> None:
    absent = replace(two(), present=torch.tensor([[False, False]]))
    for found in (search(absent, 0.5), search(two(), 0.5, within=reference(PLAIN, 0.0, 0.0))):
        assert (found.found, found.channels, found.pairs, found.triples, found.asked) == ((), (), 0, 0, 0)
    deaf = search(two(), 0.5, toys.Toy(lambda z: 0.5 + 0 * z[:, 0]))
    assert deaf.found == ()
    assert deaf.channels == ("a0", "b0")


class Lying(toys.Toy):
    """Answers one way in parts and another way as a whole: what a search in parts finds is not true of it."""

    def forward(self, batch: Batch) -> Prediction:
        said = super().forward(batch)
        return replace(said, logits=torch.full_like(said.logits, 0.5))


def test_an_answer_that_the_model_does_not_confirm_is_not_given() -> None:
    assert len(search(two(), 0.5).found) == 2
    assert search(two(), 0.5, Lying(toys.additive)).found == ()


WIDE = toys.schema({"ecg": 2, "labs": 3})
SIX = replace(WIDE, modalities=tuple(replace(spec, steps=6) for spec in WIDE.modalities))
SIZES: Mapping[str, Mapping[str, Any]] = {
    "amfn": {"dim": 8, "heads": 2, "encoder": {"width": 8, "sequence": "gru", "summary_bins": 0}},
    "early": {"dim": 8},
}


def system(name: str) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return build_fusion(name, SIX, SIZES[name], (0.3,)).eval().requires_grad_(False)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_asking_in_parts_is_asking_about_the_changed_record(name: str) -> None:
    model, record = system(name), toys.random_batch(SIX, 1, seed=3)
    slots = slots_of(
        SIX, record, reference(SIX, -9, 9), tenfold,
        kinds={"series"}, immutable=(), last=None, most=2.0, plausible_only=True,
    )  # fmt: skip
    draw = np.random.default_rng(0)
    candidates = [
        {int(k): float(draw.uniform(-2, 2)) for k in draw.choice(len(slots), draw.integers(1, 4), replace=False)}
        for _ in range(20)
    ]
    probe = Probe(model, record, slots, 0)
    direct = model(changed(record, slots, candidates)).logits[:, 0].double().numpy()
    np.testing.assert_allclose(probe.logits(candidates), direct, atol=1e-5)
    assert probe.asked == 20
    assert np.ptp(direct) > 1e-3


@pytest.mark.parametrize("name", sorted(SIZES))
@given(seed=st.integers(0, 50), threshold=st.floats(0.1, 0.9))
@settings(max_examples=15)
def test_every_answer_holds_on_the_record_itself(name: str, seed: int, threshold: float) -> None:
    model, record = system(name), toys.random_batch(SIX, 1, seed=seed)
    found = search(record, threshold, model)
    assert [one.cost for one in found.found] == sorted(one.cost for one in found.found)
    for one in found.found:
        x = {m: v.clone() for m, v in record.x.items()}
        for change in one.changes:
            seen = record.observed[change.modality][0, :, change.channel]
            column = x[change.modality][0, :, change.channel]
            column[seen] = (column[seen] + change.amount).clamp(-3.0, 3.0)
        risk = float(model(replace(record, x=x)).logits[0, 0].double().sigmoid())
        assert risk == pytest.approx(one.risk, abs=1e-6)
        assert (risk >= threshold) != (found.risk >= threshold)
        assert one.cost == pytest.approx(sum(abs(change.amount) for change in one.changes))
    sets = [{(c.modality, c.channel) for c in one.changes} for one in found.found]
    assert not any(cheaper <= dearer for k, dearer in enumerate(sets) for cheaper in sets[:k])


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="2 records"):
        search(toys.random_batch(PLAIN, 2), 0.5)
    for options in ({"answers": 0}, {"most": 0.0}, {"most": float("inf")}, {"last": 0}):
        with pytest.raises(InputError, match="positive numbers"):
            search(two(), 0.5, **options)
    with pytest.raises(InputError, match="a probability between 0 and 1"):
        search(two(), 1.0)
    with pytest.raises(InputError, match="one a channel of toy"):
        search(two(), 0.5, within=reference(WIDE))
    with pytest.raises(InputError, match="training mode"):
        search(two(), 0.5, toys.Toy(toys.additive).train())
    for broken in (lambda m, c, v: -np.asarray(v), lambda m, c, v: np.full(len(v), np.nan)):
        with pytest.raises(InputError, match="rise with the normalised ones"):
            changes_across(toys.Toy(toys.additive), two(), 0.5, reference(PLAIN), broken)
