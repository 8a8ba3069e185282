"""The simulated cohort: complete, rebuilt bit for bit, and true to what its manifest says."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from scipy import signal

from amfn.readers import open_folder, read_record
from amfn.types import InputError
from sample_data.generator import alarms, build_cohort, stays, verify_cohort
from sample_data.generator.cohort import samples_sha256
from sample_data.generator.rhythm import NO_P_WAVE, NORMAL, VENTRICULAR, Floats
from sample_data.generator.scenarios import ALARM_S, SCENARIOS, Scenario

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
MANIFEST: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
RECORDS: list[dict[str, Any]] = MANIFEST["records"]
ALARMS = [record for record in RECORDS if record["task"] == "icu_alarm"]
STAYS = [record for record in RECORDS if record["task"] == "icu_mortality"]
VENTRICULAR_BEATS = (NORMAL, VENTRICULAR, NO_P_WAVE)
DATA_FOLDERS = ("icu_mortality", "icu_alarm")


def _files(folder: Path) -> dict[str, bytes]:
    """Every data file by its name; the generator and the README beside them are left out."""
    paths = [folder / "manifest.json", *(path for sub in DATA_FOLDERS for path in (folder / sub).rglob("*"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped seed, built once more."""
    out = tmp_path_factory.mktemp("cohort")
    build_cohort(out, int(MANIFEST["seed"]))
    return out


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped cohort that a test may spoil."""
    for sub in DATA_FOLDERS:
        shutil.copytree(FOLDER / sub, tmp_path / sub)
    shutil.copy(FOLDER / "manifest.json", tmp_path)
    return tmp_path


def _window(record: dict[str, Any], channel: str, start: float, end: float) -> Floats:
    """Physical values f64[n] of one channel of a shipped alarm record."""
    read = wfdb.rdrecord(str(FOLDER / "icu_alarm" / record["id"]))
    column = read.p_signal[:, read.sig_name.index(channel)]
    return np.asarray(column[round(start * read.fs) : round(end * read.fs)], dtype=np.float64)


def _longest_gap(window: Floats, before: Floats) -> float:
    """Seconds without a QRS: no slope in the 8 to 30 Hz band above 0.3 of what the beats before show."""
    band = signal.butter(2, [8, 30], "bandpass", fs=250, output="sos")
    slope = [np.abs(signal.sosfiltfilt(band, part)) for part in (window, before)]
    beats = np.flatnonzero(slope[0] > 0.3 * np.percentile(slope[1], 99.5))
    edges = np.concatenate([[0], beats, [len(window)]])
    return float(np.diff(edges).max() / 250)


def test_the_manifest_lists_every_file_and_every_hash_holds() -> None:
    listed = {entry["name"] for record in RECORDS for entry in record["files"]}
    listed |= {entry["name"] for entry in MANIFEST["files"]} | {"manifest.json"}
    assert listed == set(_files(FOLDER))
    verify_cohort(FOLDER)
    assert len(STAYS) == 48
    assert len(ALARMS) == 32


def test_the_manifest_says_that_nobody_stands_behind_it() -> None:
    assert MANIFEST["statement"] == "Simulated; no patient stands behind any of it"
    assert MANIFEST["disclaimer"] == "Research and education only; not for diagnosis"
    for record in ALARMS:
        header = (FOLDER / "icu_alarm" / f"{record['id']}.hea").read_text("ascii")
        assert "# Simulated; no patient stands behind any of it." in header


def test_it_is_small_and_often_incomplete() -> None:
    assert sum(len(content) for content in _files(FOLDER).values()) <= 10_000_000
    for group in (STAYS, ALARMS):
        assert np.mean([bool(record["missing"]) for record in group]) >= 0.4


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(rebuilt: Path) -> None:
    made = {name: version(name) for name in MANIFEST["libraries"]}
    if made != MANIFEST["libraries"]:
        pytest.skip(f"OTHER LIBRARIES: the shipped cohort was made with {MANIFEST['libraries']}, here are {made}")
    shipped, fresh = _files(FOLDER), _files(rebuilt)
    assert sorted(shipped) == sorted(fresh)
    assert [name for name in shipped if shipped[name] != fresh[name]] == []


@pytest.mark.slow
def test_a_cohort_may_be_built_over_one_and_nothing_is_left_behind(rebuilt: Path, copy: Path) -> None:
    stray = copy / "icu_mortality" / "900001.txt"
    stray.write_text("spoilt", "ascii")
    build_cohort(copy, int(MANIFEST["seed"]))
    assert _files(copy) == _files(rebuilt)
    assert sorted(path.name for path in copy.iterdir()) == ["icu_alarm", "icu_mortality", "manifest.json"]


def test_another_seed_gives_other_patients() -> None:
    first, second = (stays.simulate(np.random.default_rng([seed, 1, 0]), 900001, "labs", True).text for seed in (1, 2))
    assert first != second
    one, two = (alarms.simulate(np.random.default_rng([seed, 2, 0]), SCENARIOS[0]).signals for seed in (1, 2))
    assert not np.array_equal(one, two)


def test_no_global_randomness_is_used_or_left() -> None:
    np.random.seed(5)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    made = alarms.simulate(np.random.default_rng(3), SCENARIOS[0]).signals
    assert np.array_equal(before, np.random.get_state(legacy=False)["state"]["key"])
    np.random.seed(6)
    assert np.array_equal(made, alarms.simulate(np.random.default_rng(3), SCENARIOS[0]).signals)


@pytest.mark.parametrize("record", ALARMS, ids=lambda record: str(record["id"]))
def test_every_alarm_record_reads_as_written(record: dict[str, Any]) -> None:
    path = FOLDER / "icu_alarm" / record["id"]
    digital = wfdb.rdrecord(str(path), physical=False)
    assert samples_sha256(digital.d_signal) == record["samples_sha256"]
    assert digital.sig_len / digital.fs >= ALARM_S
    read = read_record(path.with_suffix(".hea"))
    assert read.labels == {"true_alarm": float(record["label"])}
    assert read.meta.alarm is not None
    assert read.meta.alarm.kind == record["alarm_type"]
    assert [m for m in ("ecg", "abp", "ppg", "resp") if not read.present(m)] == record["missing"]


@pytest.mark.parametrize("record", STAYS, ids=lambda record: str(record["id"]))
def test_every_stay_reads_without_a_complaint(record: dict[str, Any]) -> None:
    read = read_record(FOLDER / record["files"][0]["name"])
    assert read.labels == {"in_hospital_death": float(record["label"])}
    assert [finding for finding in read.meta.findings if finding.severity == "warning"] == []
    names = [channel.name for channel in read.channels["chart"]]
    seen = np.flatnonzero(read.observed["chart"].any(axis=0))
    charted = {names[column] for column in seen}
    missing = [m for m, group in stays.MODALITIES.items() if m != "demographics" and not charted & set(group)]
    assert missing == record["missing"]


def test_about_three_in_ten_die_each_of_a_planted_and_charted_cause() -> None:
    deaths = [record for record in STAYS if record["label"]]
    assert 0.25 <= len(deaths) / len(STAYS) <= 0.35
    for record in deaths:
        causes = [entry for entry in record["truth"] if entry["role"] == "cause"]
        assert causes
        assert all(0 <= entry["start"] < entry["end"] <= 48 for entry in causes)
        assert causes[0]["modality"] not in record["missing"]


def test_lactate_rises_where_it_is_the_planted_cause() -> None:
    found = [(r, t) for r in STAYS for t in r["truth"] if t["role"] == "cause" and t["channel"] == "Lactate"]
    assert found
    for record, entry in found:
        read = read_record(FOLDER / record["files"][0]["name"])
        column = [channel.name for channel in read.channels["chart"]].index("Lactate")
        hours, values = read.hours["chart"], read.values["chart"][:, column]
        early = np.nanmean(values[hours < entry["start"] + 2])
        late = np.nanmean(values[hours > 40])
        assert late > 1.5 * early


@pytest.mark.parametrize("record", [r for r in ALARMS if r["alarm_type"] == "Asystole"], ids=lambda r: str(r["id"]))
def test_only_a_true_asystole_stops_both_the_ecg_and_the_pulse(record: dict[str, Any]) -> None:
    arrest = max((entry for entry in record["truth"] if entry["role"] == "cause"), key=lambda entry: entry["start"])
    start, end = arrest["start"], min(arrest["end"], ALARM_S)
    gaps = [
        _longest_gap(_window(record, lead, start, end), _window(record, lead, start - 12, start - 0.5))
        for lead in ("II", "V")
    ]
    pulse = "ABP" if "abp" not in record["missing"] else "PLETH" if "ppg" not in record["missing"] else None
    if record["label"]:
        assert min(gaps) >= 4.0
    elif pulse is None:
        assert min(gaps) < 2.0
    if pulse is not None:
        before, last = _window(record, pulse, start - 8, start - 2), _window(record, pulse, ALARM_S - 2, ALARM_S)
        share = np.ptp(last) / np.ptp(before)
        assert share < 0.25 if record["label"] else share > 0.5


@pytest.mark.parametrize(
    ("index", "scene"),
    [(i, s) for i, s in enumerate(SCENARIOS) if s.is_true],
    ids=[s.record for s in SCENARIOS if s.is_true],
)
def test_true_alarms_meet_the_definition_of_their_arrhythmia(index: int, scene: Scenario) -> None:
    """Definitions: Clifford et al. 2015, table 1 (asystole 4 s; 40/min over 5 beats; 140/min over 17; 5 wide beats)."""
    beats = alarms.heart(np.random.default_rng([int(MANIFEST["seed"]), 2, index]), scene)
    beats = beats.of(*VENTRICULAR_BEATS)
    near = (beats.times > ALARM_S - 16) & (beats.times < ALARM_S)
    times, kind = beats.times[near], beats.kind[near]
    if scene.alarm == "Asystole":
        assert np.diff(np.append(times, ALARM_S)).max() >= 4.0
    elif scene.alarm == "Bradycardia":
        assert (times[4:] - times[:-4]).max() >= 4 * 60 / 40
    elif scene.alarm == "Tachycardia":
        assert (times[16:] - times[:-16]).min() <= 16 * 60 / 140
    elif scene.alarm == "Ventricular_Tachycardia":
        wide = times[kind == VENTRICULAR]
        assert len(wide) >= 5
        assert np.diff(wide[-5:]).max() < 60 / 100
    else:
        assert ALARM_S - times[-1] >= 4.0


def test_a_false_tachycardia_has_half_the_counted_rate() -> None:
    index, scene = next((i, s) for i, s in enumerate(SCENARIOS) if s.alarm == "Tachycardia" and not s.is_true)
    beats = alarms.heart(np.random.default_rng([int(MANIFEST["seed"]), 2, index]), scene)
    assert len(beats.times[(beats.times > ALARM_S - 60) & (beats.times < ALARM_S)]) < 100


def test_a_changed_file_is_named(copy: Path) -> None:
    path = copy / "icu_alarm" / "sim_a001.dat"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(InputError, match=r"sim_a001\.dat"):
        verify_cohort(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "icu_mortality" / "900007.txt").unlink()
    with pytest.raises(InputError, match=r"900007\.txt"):
        verify_cohort(copy)


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/hostname", "icu_alarm/../../evil.txt", "manifest.json"])
def test_a_manifest_cannot_point_outside_the_data_folders(copy: Path, name: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    manifest["records"][0]["files"][0]["name"] = name
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(InputError, match=r"manifest\.json"):
        verify_cohort(copy)
    with pytest.raises(InputError, match=r"manifest\.json"):
        build_cohort(copy)


@pytest.mark.parametrize("text", ["", "[]", '{"generator": "another"}', '{"generator": "amfn simulated cohort"}'])
def test_a_manifest_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"manifest\.json"):
        verify_cohort(tmp_path)


def test_no_folder_is_overwritten_that_is_no_cohort(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work", "ascii")
    with pytest.raises(InputError, match="other files"):
        build_cohort(tmp_path)
    with pytest.raises(InputError, match="a file"):
        build_cohort(precious)
    assert precious.read_text("ascii") == "years of work"


@pytest.mark.parametrize("seed", [-1, True])
def test_a_seed_must_be_a_natural_number(tmp_path: Path, seed: int) -> None:
    with pytest.raises(InputError, match="seed"):
        build_cohort(tmp_path / "new", seed)
    assert not (tmp_path / "new").exists()


def test_stays_alone_share_no_record_with_the_sample_cohort_and_verify(tmp_path: Path) -> None:
    build_cohort(tmp_path / "train", 7, stays_only=12)
    verify_cohort(tmp_path / "train")
    manifest = json.loads((tmp_path / "train" / "manifest.json").read_text())
    assert [r["id"] for r in manifest["records"]] == [str(910001 + k) for k in range(12)]
    assert not {r["id"] for r in manifest["records"]} & {r["id"] for r in MANIFEST["records"]}
    assert len(open_folder(tmp_path / "train" / "icu_mortality").refs) == 12


@pytest.mark.parametrize("count", [0, 9, 80_001])
def test_a_number_of_stays_has_bounds(tmp_path: Path, count: int) -> None:
    with pytest.raises(InputError, match="10 to 80,000"):
        build_cohort(tmp_path / "new", stays_only=count)


def test_an_isolated_cause_leaves_no_trace_elsewhere() -> None:
    """The same draws with and without the decline: only what belongs to the planted modality differs in its mean."""
    charted: dict[bool, dict[str, list[float]]] = {False: {}, True: {}}
    for declining in (False, True):
        for index in range(150):
            stay = stays.simulate(np.random.default_rng([3, index]), 910001 + index, "urine", declining, isolated=True)
            assert stay.course.died is declining
            for minute, name, value in stay.rows:
                if minute >= 36 * 60:
                    charted[declining].setdefault(name, []).append(value)
    for name in ("HR", "MAP", "GCS", "Temp", "Creatinine", "BUN", "pH", "PaO2"):
        one, other = (np.array(charted[k][name]) for k in (False, True))
        spread = np.sqrt(one.var() / len(one) + other.var() / len(other))
        assert abs(one.mean() - other.mean()) < 6 * spread, name
    assert np.mean(charted[True]["Urine"]) < 0.6 * np.mean(charted[False]["Urine"])


def test_isolated_needs_a_number_of_stays(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="how many stays"):
        build_cohort(tmp_path / "new", isolated=True)
