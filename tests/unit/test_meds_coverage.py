"""The coverage of a MEDS file: known counts, where they come from, and on the command line; units held against the
records that the shipped model learned from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from amfn.checkpoint import load_checkpoint
from amfn.cli import app
from amfn.readers import open_folder, read_ref
from amfn.readers.meds_coverage import Coverage, coverage
from amfn.types import InputError, Record
from explain.report import FILE
from tests.meds_files import CHART, FRAME, Event, many, moved, write_meds

MODEL = Path(__file__).resolve().parents[2] / "checkpoints" / "icu_mortality"
OFF = 1.0
"""Standard deviations of the training records between two medians from which on a unit is suspected."""


def row(found: Coverage, name: str, modality: str = "chart") -> dict[str, object]:
    (only,) = [r for r in found.channels if (r.channel.name, r.modality) == (name, modality)]
    return {
        "stays": only.stays,
        "values": only.values,
        "per_stay": only.per_stay,
        "typical": only.typical,
        "dropped": dict(only.dropped),
        "codes": {source.code: source.values for source in only.sources},
    }


def test_the_counts_of_a_small_file(tmp_path: Path) -> None:
    extra: list[Event] = [
        (1, 2.0, "LAB//220045//bpm", 92.0), (1, 2.0, "LAB//220045//bpm", 92.0), (1, 3.0, "LAB//220045//bpm", 0.0),
        (1, 3.0, "LAB//226512//kg", 80.0), (1, 4.0, "LAB//226512//kg", 800.0), (1, 3.0, "LAB//220277//%", 97.0),
        (1, 3.0, "LAB//999999//UNK", None), (1, 4.0, "LAB//999999//UNK", None), (1, 200.0, "LAB//999999//UNK", None),
    ]  # fmt: skip
    shares: list[float] = []
    found = coverage(write_meds(tmp_path / "events.parquet", [*many(), *extra]), shares.append)
    assert (found.stays, found.subjects, found.short, found.labelled, found.died) == (3, 2, 0, 3, 1)
    assert row(found, "HR") == {
        "stays": 3, "values": 4, "per_stay": 1.0, "typical": 88.0,
        "dropped": {"outside 10 to 300 bpm": 1}, "codes": {"LAB//220045//bpm": 4},
    }  # fmt: skip
    assert row(found, "Temp")["typical"] == pytest.approx(37.0)
    nothing: dict[str, object] = {
        "stays": 0,
        "values": 0,
        "per_stay": None,
        "typical": None,
        "dropped": {},
        "codes": {},
    }
    assert row(found, "Lactate") == nothing
    # What was dropped of the weight on admission is not laid to the weight that is charted every day.
    assert row(found, "Weight") == nothing
    assert row(found, "Weight", "admission")["dropped"] == {"outside 20 to 400 kg": 1}
    assert [(item, count) for item, _, _, count in found.left_out] == [(220277, 1)]
    assert (found.unknown, found.unknown_kinds, found.unknown_events) == ((("LAB//999999//UNK", "", 2),), 1, 2)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_a_data_set_is_counted_over_its_files_with_the_words_of_its_code_list(tmp_path: Path) -> None:
    unknown: Event = (1, 2.0, "LAB//999999//UNK", None)
    write_meds(tmp_path / "data" / "train" / "0.parquet", [*FRAME, *CHART, unknown])
    write_meds(tmp_path / "data" / "tuning" / "0.parquet", moved([*FRAME, *CHART, unknown], 2))
    (tmp_path / "metadata").mkdir()
    codes = pa.table({"code": ["LAB//999999//UNK", "x"], "description": ["Furlongs", "y"]})
    pq.write_table(codes, tmp_path / "metadata" / "codes.parquet")
    found = coverage(tmp_path)
    assert (found.stays, row(found, "HR")["stays"]) == (2, 2)
    assert found.unknown == (("LAB//999999//UNK", "Furlongs", 2),)
    (tmp_path / "metadata" / "codes.parquet").write_bytes(b"no code list")
    assert coverage(tmp_path).unknown == (("LAB//999999//UNK", "", 2),)


def test_rows_in_any_order_give_the_same_coverage(tmp_path: Path) -> None:
    events = many()
    straight = coverage(write_meds(tmp_path / "a.parquet", events))
    turned = coverage(write_meds(tmp_path / "b.parquet", events[::-1], group=3))
    assert replace(turned, path=straight.path) == straight


@pytest.mark.parametrize("name", ["", "a.parquet", "missing.parquet"])
def test_nothing_to_count_is_one_clear_error(tmp_path: Path, name: str) -> None:
    if name == "a.parquet":
        (tmp_path / name).write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"no MEDS file in it|cannot be read"):
        coverage(tmp_path / name)


def test_the_command_prints_the_table(tmp_path: Path) -> None:
    path = write_meds(tmp_path / "events.parquet", [*many(), (1, 3.0, "LAB//220045//bpm", 0.0)])
    shown = CliRunner().invoke(app, ["coverage", str(path)], catch_exceptions=False)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert any(line.split() == ["Heart", "rate,", "bpm", "3", "(100", "%)", "1", "88", "1"] for line in lines)
    assert "  HR: outside 10 to 300 bpm (1)" in lines
    assert "  Temp: LAB//223761//°F Temperature Fahrenheit (3), converted: °F to °C" in lines
    printed = CliRunner().invoke(app, ["coverage", str(path), "--json"], catch_exceptions=False)
    data = json.loads(printed.stdout)
    assert data["stays"] == 3
    assert {"modality", "channel", "stays", "values", "typical", "sources"} <= data["channels"][0].keys()


def suspects(records: list[Record]) -> dict[str, float]:
    """Channels whose typical value is far from the training records', in their standard deviations, by name. Of a
    channel that fewer than ten records have nothing can be said."""
    model = load_checkpoint(MODEL)
    typical = json.loads((MODEL / FILE).read_text())["reference"]["typical"]
    batch = model.batch([model.task.prepare(record) for record in records])
    far = {}
    for spec in model.task.schema.modalities:
        for c, channel in enumerate(spec.channels):
            x, seen = batch.x[spec.name][..., c].numpy(), batch.observed[spec.name][..., c].numpy()
            own = [float(np.median(x[n][seen[n]])) for n in range(len(x)) if seen[n].any()]
            if len(own) >= 10 and not channel.flag:
                distance = float(np.median(own)) - typical[spec.name][c]
                if abs(distance) > OFF:
                    far[channel.name] = distance
    return far


def scaled(record: Record, name: str, factor: float) -> Record:
    names = [channel.name for channel in record.channels.get("chart", ())]
    if name not in names:
        return record
    values = record.values["chart"].copy()
    values[:, names.index(name)] *= factor
    return replace(record, values={**record.values, "chart": values})


def test_the_demo_is_in_the_units_of_the_training_records(shared_dir: Path) -> None:
    folder = open_folder(shared_dir / "data" / "meds")
    records = [read_ref(ref) for ref in folder.refs]
    assert len(records) == 140
    assert sum(labels["in_hospital_death"] for labels in folder.labels.values()) == 20
    assert not suspects(records)
    # mmol/L for mg/dL, percent for a fraction: each is found.
    assert "Creatinine" in suspects([scaled(record, "Creatinine", 88.4) for record in records])
    assert "FiO2" in suspects([scaled(record, "FiO2", 100.0) for record in records])
