"""Planted truth: what counts as found, what chance would find, and attributions that must miss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amfn.readers import read_record
from amfn.tasks import get_task
from amfn.types import Batch, Channel, InputError, Record, RecordMeta
from explain.planted import CAUSE, CAUSE_OR_EVIDENCE, Hit, Planted, Share, counts, hit, planted, table
from explain.types import Attribution
from tests import toys

SCHEMA = toys.schema({"ecg": 2, "abp": 1, "resp": 1})
STEPS = 8
SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
NEURO = (("neuro_temperature", 0), ("neuro_temperature", 1))
TRUTH = (
    Planted("ecg", 0, 4, 8, "cause"),
    Planted("abp", 0, 4, 8, "evidence"),
    Planted("resp", 0, 0, 4, "transient"),
)


def batch(present: tuple[bool, ...] = (True, True, True)) -> Batch:
    """Eight steps, each a segment of its own: 16, 8 and 8 of them."""
    x = {m.name: torch.ones(1, STEPS, len(m.channels)) for m in SCHEMA.modalities}
    return toys.batch(x, [present])


def attribution(values: Mapping[str, np.ndarray]) -> Attribution:
    return Attribution("given", "outcome", "zero", {}, values, 0.0, 0.0, 0.0)


def spread(**changed: np.ndarray) -> Attribution:
    """A little everywhere, but for what is given."""
    even = {m.name: np.full((STEPS, len(m.channels)), 0.01, np.float32) for m in SCHEMA.modalities}
    return attribution({**even, **changed})


def on_truth() -> np.ndarray:
    values = np.zeros((STEPS, 2), np.float32)
    values[4:, 0] = -1.0  # the direction does not matter, the size does
    return values


def record(hours: np.ndarray, values: Mapping[str, Any] | None = None) -> Record:
    arrays = values or {m.name: np.ones((len(hours), len(m.channels)), np.float32) for m in SCHEMA.modalities}
    return Record(
        "r0", "here", {m.name: m.channels for m in SCHEMA.modalities}, arrays,
        {name: ~np.isnan(v) for name, v in arrays.items()}, dict.fromkeys(arrays, hours), {}, RecordMeta("toy"),
    )  # fmt: skip


def entry(modality: str, channel: str, start: float, end: float, unit: str = "hours", **more: object) -> dict[str, Any]:
    return {"modality": modality, "channel": channel, "start": start, "end": end, "unit": unit, "role": "cause", **more}


def test_hours_of_a_stay_become_the_slots_that_they_touch() -> None:
    stay = record(np.arange(48.0))
    found = planted([entry("ecg", "ecg1", 20.6, 41.6), entry("resp", "whatever", 10.0, 48.0)], stay)
    assert found == (Planted("ecg", 1, 20, 42, "cause"), Planted("resp", 0, 10, 48, "cause"))


def test_seconds_of_an_alarm_are_cut_to_its_window() -> None:
    """16 s at 125 Hz before an alarm at 300 s: the window begins at 284 s."""
    alarm = record(300 / 3600 + np.arange(-2000, 0) / 125 / 3600)
    found = planted(
        [
            entry("ecg", "ecg0", 294.6, 300.0, "seconds"),
            entry("ecg", "ecg1", 277.0, 285.0, "seconds"),
            entry("abp", "ABP", 255.0, 300.0, "seconds", role="evidence"),
            entry("abp", "ABP", 270.0, 284.0, "seconds"),
            entry("ecg", "V", 294.6, 300.0, "seconds"),
            entry("labs", "K", 294.6, 300.0, "seconds"),
        ],
        alarm,
    )
    assert found == (
        Planted("ecg", 0, 1325, 2000, "cause"),
        Planted("ecg", 1, 0, 125, "cause"),
        Planted("abp", 0, 0, 2000, "evidence"),
    )


def test_a_slot_is_known_by_the_name_that_the_record_gave_it() -> None:
    stay = record(np.arange(8.0))
    leads = tuple(replace(c, label=label) for c, label in zip(stay.channels["ecg"], ("V", "II"), strict=True))
    found = planted([entry("ecg", "II", 2.0, 4.0)], replace(stay, channels={**stay.channels, "ecg": leads}))
    assert found == (Planted("ecg", 1, 2, 4, "cause"),)


@pytest.mark.parametrize(
    ("task", "path", "expected"),
    [
        (
            "icu_alarm",
            "icu_alarm/sim_a001",
            {("ecg", 0, 1325, 2000, "cause"), ("ecg", 1, 1325, 2000, "cause"), ("abp", 0, 1325, 2000, "evidence")},
        ),
        ("icu_mortality", "icu_mortality/900010.txt", {(m, c, 10, 48, "cause") for m, c in NEURO}),
    ],
)
def test_the_simulated_cohort_is_read_as_its_manifest_says(
    task: str, path: str, expected: set[tuple[str, int, int, int, str]]
) -> None:
    name = Path(path).stem
    (told,) = (r for r in json.loads((SAMPLES / "manifest.json").read_text())["records"] if r["id"] == name)
    prepared = get_task(task).prepare(read_record(SAMPLES / path))
    found = planted(told["truth"], prepared)
    assert {(p.modality, p.channel, p.start, p.stop, p.role) for p in found} == expected


@pytest.mark.parametrize("broken", [{"unit": "days"}, {"start": None}, {"role": ...}])
def test_an_entry_that_is_no_truth_is_refused(broken: dict[str, object]) -> None:
    given_entry = {**entry("ecg", "ecg0", 1.0, 2.0), **broken}
    with pytest.raises(InputError, match="truth that is none"):
        planted([{k: v for k, v in given_entry.items() if v is not ...}], record(np.arange(8.0)))


def test_an_attribution_on_the_truth_finds_all_of_it() -> None:
    exact = attribution({"ecg": on_truth()})
    found = hit(SCHEMA, batch(), TRUTH, exact)
    assert found == Hit("r0", True, 1 / 3, True, 4 / 32, 1.0, 4 / 32, 1.0)


def test_the_share_of_the_mass_and_the_strongest_few() -> None:
    values = np.zeros((STEPS, 2), np.float32)
    values[6:, 0] = (3.0, 1.0)  # on the truth
    values[0, 1] = -2.0  # elsewhere, second strongest
    found = hit(SCHEMA, batch(), TRUTH, attribution({"ecg": values}))
    assert (found.modality, found.segment) == (True, True)
    assert found.mass == pytest.approx(4 / 6)
    # Four lie in it: of the four strongest two do, and the rest is a tie at zero, which does not count for it.
    assert found.rank == pytest.approx(2 / 4)


def test_an_attribution_elsewhere_and_one_of_nothing_miss() -> None:
    elsewhere = hit(SCHEMA, batch(), TRUTH, spread(abp=np.ones((STEPS, 1), np.float32)))
    assert (elsewhere.modality, elsewhere.segment) == (False, False)
    nothing = hit(SCHEMA, batch(), TRUTH, attribution({"ecg": np.zeros((STEPS, 2), np.float32)}))
    assert (nothing.modality, nothing.segment, nothing.mass, nothing.rank) == (False, False, 0.0, 0.0)
    even = hit(SCHEMA, batch(), TRUTH, spread())
    assert even.segment is False  # all alike: a tie is no hit
    assert even.mass == pytest.approx(even.chance_mass)


def test_evidence_counts_where_it_is_asked_for() -> None:
    on_evidence = spread(abp=np.r_[np.zeros(4), np.ones(4)].astype(np.float32)[:, None])
    assert not hit(SCHEMA, batch(), TRUTH, on_evidence, CAUSE).modality
    both = hit(SCHEMA, batch(), TRUTH, on_evidence, CAUSE_OR_EVIDENCE)
    assert (both.modality, both.segment) == (True, True)
    assert both.chance_modality == pytest.approx(2 / 3)
    assert both.chance_segment == pytest.approx(8 / 32)


def test_one_number_a_modality_enters_the_game_of_modalities_only() -> None:
    found = hit(SCHEMA, batch(), TRUTH, {"ecg": -2.0, "abp": 1.0, "resp": 0.5})
    assert found == Hit("r0", True, 1 / 3)
    assert not hit(SCHEMA, batch(), TRUTH, {"ecg": 1.0, "abp": -1.0}).modality


def test_a_modality_that_the_record_lacks_is_no_choice() -> None:
    lacking = batch((True, False, True))
    assert hit(SCHEMA, lacking, TRUTH, {"ecg": 1.0, "abp": 0.0}).chance_modality == 0.5
    with pytest.raises(InputError, match="abp"):
        hit(SCHEMA, lacking, TRUTH, {"abp": 1.0})


def test_only_the_modalities_named_take_part() -> None:
    values = {"ecg": 1.0, "abp": 0.5, "resp": 9.0}
    assert not hit(SCHEMA, batch(), TRUTH, values).modality
    signals = hit(SCHEMA, batch(), TRUTH, values, among=("ecg", "abp"))
    assert (signals.modality, signals.chance_modality) == (True, 0.5)
    loud = spread(ecg=on_truth(), resp=np.full((STEPS, 1), 9.0, np.float32))
    assert hit(SCHEMA, batch(), TRUTH, loud).segment is False
    quiet = hit(SCHEMA, batch(), TRUTH, loud, among=("ecg", "abp"))
    assert (quiet.segment, quiet.chance_segment) == (True, 4 / 24)
    assert quiet.mass == pytest.approx(4 / 4.08)


def test_a_record_counts_where_its_truth_was_measured() -> None:
    assert counts(SCHEMA, batch(), TRUTH)
    assert counts(SCHEMA, batch(), TRUTH, ("transient",))
    assert not counts(SCHEMA, batch(), TRUTH[1:])
    assert not counts(SCHEMA, batch(), ())
    assert not counts(SCHEMA, batch((False, True, True)), TRUTH)
    assert not counts(SCHEMA, batch(), TRUTH, among=("abp",))
    one = batch()
    seen = one.observed["ecg"].clone()
    seen[:, 4:, 0] = False
    hidden = replace(one, observed={**one.observed, "ecg": seen})
    assert not counts(SCHEMA, hidden, TRUTH)
    with pytest.raises(InputError, match="planted as cause"):
        hit(SCHEMA, hidden, TRUTH, spread())


def test_what_was_not_measured_is_no_choice() -> None:
    one = batch()
    seen = one.observed["ecg"].clone()
    seen[:, :4] = False  # only the second half of each lead was measured
    found = hit(SCHEMA, replace(one, observed={**one.observed, "ecg": seen}), TRUTH, spread())
    assert found.chance_segment == pytest.approx(4 / 24)
    assert found.chance_mass == pytest.approx(4 / 24)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(number: float) -> None:
    with pytest.raises(InputError, match="ecg"):
        hit(SCHEMA, batch(), TRUTH, {"ecg": number})
    with pytest.raises(InputError, match="ecg"):
        hit(SCHEMA, batch(), TRUTH, attribution({"ecg": np.full((STEPS, 2), number, np.float32)}))
    with pytest.raises(InputError, match="labs"):
        hit(SCHEMA, batch(), TRUTH, {"labs": 1.0})


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_measures_are_shares_and_scale_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {m.name: rng.normal(size=(STEPS, len(m.channels))) for m in SCHEMA.modalities}
    found, scaled = (
        hit(SCHEMA, batch(), TRUTH, attribution({m: (k * v).astype(np.float32) for m, v in values.items()}))
        for k in (1.0, -3.0)
    )
    for share in (found.mass, found.rank, found.chance_mass, found.chance_segment, found.chance_modality):
        assert share is not None
        assert 0 <= share <= 1
    assert (found.modality, found.segment, found.rank) == (scaled.modality, scaled.segment, scaled.rank)
    assert scaled.mass == pytest.approx(found.mass, abs=1e-5)


def test_a_random_pick_does_as_well_as_chance_says() -> None:
    rng = np.random.default_rng(0)
    found = [
        hit(
            SCHEMA, batch(), TRUTH,
            attribution({m.name: rng.normal(size=(STEPS, len(m.channels))) for m in SCHEMA.modalities}),
        )
        for _ in range(400)
    ]  # fmt: skip
    (row,) = table({"random": found})
    assert row.segment is not None
    assert row.segment.low < row.segment.chance < row.segment.high
    assert row.mass == pytest.approx(row.chance_mass, abs=0.02)
    assert row.rank == pytest.approx(row.segment.chance, abs=0.03)


def test_the_table_counts_with_exact_intervals() -> None:
    hits = [Hit(str(k), k < 9, 0.25, k < 5, 0.1, 0.5, 0.2, 0.4) for k in range(10)]
    rows = table({"gradients": hits, "shapley": [Hit(str(k), True, 0.25) for k in range(10)]})
    assert [row.method for row in rows] == ["gradients", "shapley"]
    first, second = rows
    assert (first.modality.hits, first.modality.records, first.modality.share) == (9, 10, 0.9)
    # Clopper and Pearson 1934: 9 of 10 lies between 0.5550 and 0.9975.
    assert [first.modality.low, first.modality.high] == pytest.approx([0.5550, 0.9975], abs=1e-4)
    assert first.modality.low > first.modality.chance
    assert first.mass == pytest.approx(0.5)
    assert first.chance_mass == pytest.approx(0.2)
    assert first.rank == pytest.approx(0.4)
    assert (second.segment, second.mass, second.rank) == (None, None, None)
    json.dumps([row.to_json() for row in rows], allow_nan=False)


def test_a_share_no_better_than_chance_says_so() -> None:
    share = Share.of([True, False, False, False], [0.25] * 4)
    assert share.low < share.chance


def test_a_method_without_a_record_is_refused() -> None:
    with pytest.raises(InputError, match="no record"):
        table({"gradients": []})


def test_a_flag_channel_of_a_static_modality_is_one_segment() -> None:
    """The alarm type takes part as what it is: one step a channel."""
    schema = toys.schema({"ecg": 1, "kind": 2})
    static = replace(schema.modalities[1], kind="static", channels=(Channel("x", "", 0, 1, flag=True),) * 2)
    schema = replace(schema, modalities=(schema.modalities[0], static))
    one = toys.batch({"ecg": np.ones((1, 8, 1)), "kind": np.ones((1, 1, 2))})
    truth = (Planted("ecg", 0, 0, 4, "cause"),)
    found = hit(schema, one, truth, attribution({"ecg": np.ones((8, 1)), "kind": np.zeros((1, 2))}))
    assert found.chance_segment == pytest.approx(4 / 10)
