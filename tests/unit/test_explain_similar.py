"""Neighbours whose distances and votes are known by hand, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from amfn.types import Batch, Encoded, InputError, Prediction
from explain.similar import CohortIndex, Neighbours, row_digests
from tests import toys

MODEL = toys.Toy(toys.additive)


def cohort(a: Sequence[float], b: Sequence[float], has_b: Sequence[bool] | None = None) -> Batch:
    """Records of one value in each modality; the toy's embedding is the pair itself."""
    here = [True] * len(a) if has_b is None else list(has_b)
    values = {"a": torch.tensor(a).view(-1, 1, 1), "b": torch.tensor(b).view(-1, 1, 1)}
    return toys.batch(values, [[True, there] for there in here])


def one(a: float, b: float, name: str = "new", has_b: bool = True) -> Batch:
    return replace(cohort([a], [b], [has_b]), ids=(name,))


def asked(index: CohortIndex, record: Batch, k: int = 10, model: toys.Toy = MODEL) -> Neighbours:
    return index.nearest(record, model(record), k)


def test_distances_by_hand() -> None:
    """a = 0, 2, 4 has a spread of sqrt(8 / 3); b never changes and tells nobody apart."""
    index = CohortIndex.of(MODEL, [cohort([0.0, 2.0, 4.0], [1.0, 1.0, 1.0])], [0, 1, None])
    found = asked(index, one(1.9, 1.0), k=2)
    spread = np.sqrt(8 / 3)
    assert found.ids == ("r1", "r0")
    np.testing.assert_allclose(found.distances, np.array([0.1, 1.9]) / spread / np.sqrt(2), rtol=1e-5)
    assert found.outcomes == (1.0, 0.0)
    np.testing.assert_allclose(found.risks, 1 / (1 + np.exp([-3.5, -1.5])))
    assert (found.asked, found.candidates, found.modalities, found.record_id) == (2, 3, ("a", "b"), "new")
    assert found.stable is None


def test_what_is_typical_by_hand() -> None:
    """Records at 0, 1, 3 on a line. Each one's nearest other is 1, 1, 2 away; pairs are 1, 2, 3 apart."""
    index = CohortIndex.of(MODEL, [cohort([0.0, 1.0, 3.0], [0.0, 0.0, 0.0])])
    unit = np.std([0.0, 1.0, 3.0]) * np.sqrt(2)
    typical = asked(index, one(-1.5, 0.0), k=1).typical
    assert typical is not None
    assert typical.neighbour * unit == pytest.approx(1.0)
    assert typical.anyone * unit == pytest.approx(2.0)
    assert typical.measured_on == 3
    # 1.5 from its nearest: two of three have a closer one.
    assert typical.closer == pytest.approx(2 / 3)


def test_only_records_with_the_same_modalities_are_compared() -> None:
    index = CohortIndex.of(MODEL, [cohort([0.0, 0.0, 1.0], [0.0, 0.0, 5.0], [False, True, True])])
    assert asked(index, one(0.1, 0.0)).ids == ("r1", "r2")
    without = asked(index, one(9.0, 0.0, has_b=False))
    assert without.ids == ("r0",)
    assert without.candidates == 1
    assert without.typical is None


def test_nobody_is_like_a_record_with_other_modalities_or_with_nothing() -> None:
    index = CohortIndex.of(MODEL, [cohort([0.0, 1.0], [0.0, 1.0])], [0, 1])
    nothing = replace(one(0.0, 0.0), present=torch.zeros(1, 2, dtype=torch.bool))
    empty = CohortIndex.of(MODEL, [replace(nothing, ids=("void",))])
    for found in (asked(index, one(0.0, 0.0, has_b=False)), asked(index, nothing), asked(empty, nothing)):
        assert found.ids == ()
        assert found.outcomes == ()
        assert found.candidates == 0
        assert found.observed is None
        assert found.typical is None
        assert found.distances.shape == found.risks.shape == (0,)


def test_a_record_is_not_its_own_neighbour() -> None:
    records = cohort([0.0, 1.0, 1.0], [0.0, 1.0, 1.5])
    index = CohortIndex.of(MODEL, [records])
    assert asked(index, records.rows([1])).ids == ("r2", "r0")
    # The same input under another name, and another input under the same name.
    assert asked(index, replace(records.rows([1]), ids=("copy",))).ids == ("r2", "r0")
    assert asked(index, one(1.0, 1.4, name="r1")).ids == ("r2", "r0")
    # Not by distance alone: another record may have the very same embedding.
    twice = replace(toys.batch({"a": [[[0.5], [0.5]]], "b": [[[1.0], [0.0]]]}), ids=("other",))
    assert asked(index, twice).ids[0] == "r1"
    assert asked(index, twice).distances[0] == 0.0


def test_what_is_not_read_of_a_record_does_not_change_its_digest() -> None:
    record = toys.random_batch(toys.schema({"a": 2, "b": 1}), 3, seed=4)
    names = ("a", "b")
    padded = replace(record, x={**record.x, "a": record.x["a"].masked_fill(~record.valid["a"][..., None], 9.0)})
    assert row_digests(padded, names) == row_digests(record, names)
    seen = record.observed["a"] & record.valid["a"][..., None]
    altered = replace(record, x={**record.x, "a": record.x["a"] + 1e-3 * seen})
    assert row_digests(altered, names)[0] != row_digests(record, names)[0]


def test_the_share_of_events_has_the_exact_interval() -> None:
    """Clopper-Pearson: quantiles of Beta(x, n - x + 1) and Beta(x + 1, n - x)."""
    index = CohortIndex.of(MODEL, [cohort([0.0, 1.0, 2.0, 3.0, 4.0, 9.0], [0.0] * 6)], [1, 0, 1, 0, None, 1])
    share = asked(index, one(0.0, 0.1), k=5).observed
    assert share is not None
    assert (share.events, share.known, share.share) == (2, 4, 0.5)
    assert share.low == pytest.approx(beta.ppf(0.025, 2, 3))
    assert share.high == pytest.approx(beta.ppf(0.975, 3, 2))
    unknown = CohortIndex.of(MODEL, [cohort([0.0, 1.0], [0.0, 1.0])])
    assert asked(unknown, one(0.0, 0.1)).observed is None


def test_fewer_candidates_than_asked_are_all_there_are() -> None:
    index = CohortIndex.of(MODEL, [cohort([0.0, 1.0], [0.0, 1.0]), replace(cohort([2.0], [2.0]), ids=("r2",))])
    found = asked(index, one(0.1, 0.0), k=50)
    assert found.ids == ("r0", "r1", "r2")
    assert (found.asked, found.candidates) == (50, 3)


@given(st.integers(0, 1000), st.integers(1, 8))
def test_neighbours_are_those_of_a_search_by_hand(seed: int, k: int) -> None:
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(9, 2)).astype(np.float32)
    index = CohortIndex.of(MODEL, [cohort(points[:, 0].tolist(), points[:, 1].tolist())])
    query = draw.normal(size=2).astype(np.float32)
    found = asked(index, one(float(query[0]), float(query[1])), k=k)
    distances = np.sqrt((((points - query) / points.std(0)) ** 2).mean(1))
    assert found.ids == tuple(f"r{i}" for i in np.argsort(distances)[:k])
    np.testing.assert_allclose(found.distances, np.sort(distances)[:k], rtol=1e-4, atol=1e-5)


class Pair(toys.Toy):
    """Two networks: the first sees both modalities, the second only noise that a record's `a` decides."""

    def fuse(self, encoded: Encoded) -> Prediction:
        said = super().fuse(encoded)
        noise = torch.sin(1e4 * said.embedding[:, :1]).expand(-1, 2)
        members = torch.stack([said.logits, said.logits])
        return replace(said, embedding=torch.cat([said.embedding, noise], 1), members=members)


def test_each_network_is_asked_for_the_neighbours_it_would_name() -> None:
    points = np.linspace(0, 1, 40)
    model = Pair(toys.additive)
    index = CohortIndex.of(model, [cohort(points.tolist(), [0.0] * 40)])
    assert index.networks == 2
    record = one(0.5, 0.0)
    found = asked(index, record, k=5, model=model)
    parts = np.split(index.embedding, 2, axis=1)
    own = (model(record).embedding[0].detach().double().numpy() - index.centre) / index.spread
    by_hand = [
        np.argsort(((part - me) ** 2).sum(1))[:5] for part, me in zip(parts, np.split(own, 2), strict=True)
    ]  # fmt: skip
    assert found.stable == tuple(len(set(found.ids) & {f"r{i}" for i in rows}) for rows in by_hand)
    # Where everybody is named, agreement would say nothing.
    assert asked(index, record, k=40, model=model).stable is None


def test_votes_by_hand() -> None:
    """Two groups far apart, each of one outcome, but for one record that stands in the wrong group."""
    a = [0.0, 0.1, 0.25, 10.0, 10.1, 10.25, 0.4]
    index = CohortIndex.of(MODEL, [cohort(a, [0.0] * 7)], [0, 0, 0, 1, 1, 1, 1])
    found = index.vote_quality(k=1)
    # Each one's nearest: r1 r0 r1 | r4 r3 r4 | r2. Events vote 1, 1, 1, 0 and the others 0: 3 of 4 stand above, one
    # is tied with all three.
    assert found.auroc == pytest.approx((3 * 3 + 3 * 0.5) / 12)
    assert found.model_auroc == 1.0
    assert (found.records, found.events, found.alone, found.k) == (7, 4, 0, 1)


def test_a_vote_that_knows_nothing_is_seen_as_such() -> None:
    """Every record stands in the cohort twice. Copies of itself would make any vote perfect; they have none."""
    draw = np.random.default_rng(0)
    a, outcomes = draw.normal(size=200), draw.integers(0, 2, 200).tolist()
    twice = replace(cohort([*a, *a], [0.0] * 400), ids=tuple(f"r{i}" for i in range(400)))
    found = CohortIndex.of(MODEL, [twice], [*outcomes, *outcomes]).vote_quality(k=5)
    assert found.auroc is not None
    assert abs(found.auroc - 0.5) < 0.1
    # And one that knows everything: the outcome is where the record stands.
    told = CohortIndex.of(MODEL, [cohort(a.tolist(), [0.0] * 200)], (a > 0).astype(float).tolist()).vote_quality(k=5)
    assert told.auroc is not None
    assert told.auroc > 0.99


def test_records_that_nobody_can_vote_on_are_counted() -> None:
    records = cohort([0.0, 1.0, 2.0, 3.0], [0.0] * 4, [True, True, False, True])
    found = CohortIndex.of(MODEL, [records], [0, 0, 1, None]).vote_quality(k=3)
    assert (found.records, found.events, found.alone) == (0, 0, 3)
    assert found.auroc is None
    assert found.model_auroc is None
    nobody = CohortIndex.of(MODEL, [records]).vote_quality()
    assert (nobody.records, nobody.events, nobody.alone) == (0, 0, 0)
    assert nobody.auroc is None


def test_a_pool_in_which_everybody_else_votes_says_nothing() -> None:
    """Of six with as many of either outcome, the five others always vote against the one that is left out."""
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    index = CohortIndex.of(MODEL, [cohort(values, [0.0] * 6)], [0, 0, 0, 1, 1, 1])
    assert index.vote_quality(k=5).auroc is None
    assert index.vote_quality(k=3).alone == 6
    told = index.vote_quality(k=2)
    assert (told.records, told.events, told.alone) == (6, 3, 0)
    assert told.auroc is not None
    assert told.auroc > 0.9


def test_bad_input_is_refused() -> None:
    records = cohort([0.0, 1.0], [0.0, 1.0])
    index = CohortIndex.of(MODEL, [records])
    with pytest.raises(InputError, match="records, each once"):
        CohortIndex.of(MODEL, [])
    with pytest.raises(InputError, match="4 records, 2 different"):
        CohortIndex.of(MODEL, [records, records])
    for outcomes in ([0.0], [0.0, 0.5], [0.0, 2.0]):
        with pytest.raises(InputError, match="0, 1 or None for each record"):
            CohortIndex.of(MODEL, [records], outcomes)
    assert CohortIndex.of(MODEL, [records], [float("nan"), 1]).outcomes == (None, 1.0)
    with pytest.raises(InputError, match="k = 0"):
        asked(index, one(0.0, 0.0), k=0)
    with pytest.raises(InputError, match="k = 0"):
        index.vote_quality(0)
    with pytest.raises(InputError, match="2 records"):
        index.nearest(records, MODEL(records))
    with pytest.raises(InputError, match="built with this model"):
        index.nearest(one(0.0, 0.0), Pair(toys.additive)(one(0.0, 0.0)))
    with pytest.raises(InputError, match="training mode"):
        CohortIndex.of(toys.Toy(toys.additive).train(), [records])
