"""Writes the simulated cohort and checks one: 48 ICU stays, 32 bedside alarms and a manifest with their truth.

The same seed with the same library versions gives the same bytes. FLAC is lossless: where another version of the
encoder packs the samples differently, `samples_sha256` of each alarm record still holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import wfdb

from amfn.types import InputError

from . import alarms, stays
from .courses import PLANTED
from .scenarios import SCENARIOS
from .waveforms import RATE_HZ

GENERATOR = "amfn simulated cohort"
GENERATOR_VERSION = "1.0.0"
DEFAULT_SEED = 2026
MANIFEST = "manifest.json"
STAYS_FOLDER, ALARMS_FOLDER = "icu_mortality", "icu_alarm"
STAYS, FIRST_STAY = 48, 900001
FIRST_TRAINING_STAY = 910001
"""Cohorts of stays alone, to train on, share no number with the sample cohort."""
STATEMENT = "Simulated; no patient stands behind any of it"
DISCLAIMER = "Research and education only; not for diagnosis"
_LIBRARIES = ("numpy", "scipy", "neurokit2", "wfdb", "soundfile")
_FLAC = "516"
_PLAN, _STAY, _ALARM = 0, 1, 2
_REBUILD = "Write the cohort anew: python -m amfn simulate --out DIR"

Progress = Callable[[str], None]
Manifest = dict[str, Any]


def build_cohort(
    out: Path,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
    stays_only: int | None = None,
    isolated: bool = False,
) -> None:
    """Write the cohort into `out`: a new or empty folder, or one that already holds a cohort, which is replaced.

    `progress` is told one line a record. stays_only: so many stays and no alarms, numbered from `FIRST_TRAINING_STAY`.
    isolated: nothing but the planted cause tells which of these stays die (`stays.simulate`).
    Raises InputError for any other folder, for a seed below nought, and for fewer than ten stays or over 80,000.
    """
    out = Path(out)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError("seed", repr(seed), "a whole number from 0", "Choose such a seed.")
    if isolated and stays_only is None:
        raise InputError("isolated", "a cohort with alarms", "a number of stays", "Say how many stays.")
    if stays_only is not None and not 10 <= stays_only <= 80_000:
        raise InputError("stays", f"{stays_only}", "10 to 80,000", "Choose such a number.")
    old = _replaceable(out)
    tell = progress or (lambda line: None)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=out) as scratch:
        fresh = Path(scratch)
        if stays_only is None:
            records = _write_stays(fresh / STAYS_FOLDER, seed, tell, STAYS, FIRST_STAY)
            records += _write_alarms(fresh / ALARMS_FOLDER, seed, tell)
        else:
            records = _write_stays(fresh / STAYS_FOLDER, seed, tell, stays_only, FIRST_TRAINING_STAY, isolated)
            (fresh / ALARMS_FOLDER).mkdir()
        listed = {entry["name"] for record in records for entry in record["files"]}
        other = [path for path in sorted(fresh.rglob("*")) if path.is_file() and _name(fresh, path) not in listed]
        manifest = _manifest(seed, records, [_entry(fresh, path) for path in other])
        _write_text(fresh / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=True) + "\n")
        for name in old:
            (out / name).unlink(missing_ok=True)
        for folder in (STAYS_FOLDER, ALARMS_FOLDER):
            (out / folder).mkdir(exist_ok=True)
            for path in sorted((fresh / folder).iterdir()):
                os.replace(path, out / folder / path.name)
        os.replace(fresh / MANIFEST, out / MANIFEST)


def verify_cohort(folder: Path) -> None:
    """Check every file of a cohort against its manifest. Raises InputError that names the file that does not hold."""
    folder = Path(folder)
    for name, wanted in _hashes(folder, _read_manifest(folder)).items():
        path = folder / name
        try:
            came = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(path, f"it cannot be read ({error.strerror})", "a file of the cohort", _REBUILD) from error
        if came != wanted:
            raise InputError(path, f"SHA-256 {came[:16]}…", f"{wanted[:16]}… as in {MANIFEST}", _REBUILD)


def samples_sha256(samples: np.ndarray) -> str:
    """SHA-256 of the samples i16[n, c] as little-endian bytes, row by row: the same whatever packs them."""
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").tobytes()).hexdigest()


def _write_stays(
    folder: Path, seed: int, tell: Progress, count: int, first: int, isolated: bool = False
) -> list[Manifest]:
    folder.mkdir()
    outcomes = ["RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"]
    records = []
    for index, (planted, declining) in enumerate(stays.plan(np.random.default_rng([seed, _PLAN]), count)):
        record_id = first + index
        stay = stays.simulate(np.random.default_rng([seed, _STAY, index]), record_id, planted, declining, isolated)
        path = folder / f"{record_id}.txt"
        _write_text(path, stay.text)
        outcomes.append(f"{record_id},-1,-1,-1,-1,{int(stay.course.died)}")
        records.append(
            {
                "id": str(record_id),
                "task": STAYS_FOLDER,
                "files": [_entry(folder.parent, path)],
                "label": int(stay.course.died),
                "alarm_type": None,
                "scenario": _stay_scenario(stay),
                "latent_risk": round(stay.course.risk, 3),
                "missing": list(stay.missing),
                "truth": _stay_truth(stay),
            }
        )
        tell(f"{STAYS_FOLDER}/{record_id}")
    _write_text(folder / "Outcomes-sim.txt", "\n".join(outcomes) + "\n")
    return records


def _stay_scenario(stay: stays.Stay) -> str:
    if stay.course.died or stay.course.risk > 0.5:
        return PLANTED[stay.course.planted][0]
    return f"passing trouble, {stay.course.planted}" if stay.course.size >= 0.6 else "steady recovery"


def _stay_truth(stay: stays.Stay) -> list[Manifest]:
    course = stay.course
    declined = course.died or course.risk > 0.5
    if not declined and course.size < 0.6:
        return []
    _, channels, cause = PLANTED[course.planted]
    charted = {name for minute, name, _ in stay.rows if minute / 60 >= course.start}
    text = cause if declined else f"a passing turn, recovered: {cause.split(' and ')[0]}"
    role = "cause" if declined else "transient"
    return [
        {
            "modality": course.planted,
            "channel": channel,
            "start": course.start,
            "end": course.stop,
            "unit": "hours",
            "cause": text,
            "role": role,
        }
        for channel in channels
        if channel in charted
    ]


def _write_alarms(folder: Path, seed: int, tell: Progress) -> list[Manifest]:
    folder.mkdir()
    records = []
    for index, scene in enumerate(SCENARIOS):
        record = alarms.simulate(np.random.default_rng([seed, _ALARM, index]), scene)
        samples = np.clip(np.rint(record.signals * np.array(record.gains)), -32767, 32767).astype(np.int16)
        columns = len(record.names)
        wfdb.wrsamp(
            scene.record,
            fs=RATE_HZ,
            units=list(record.units),
            sig_name=list(record.names),
            d_signal=samples.astype(np.int64),
            fmt=[_FLAC] * columns,
            adc_gain=list(record.gains),
            baseline=[0] * columns,
            comments=[scene.alarm, "True alarm" if scene.is_true else "False alarm", f"{STATEMENT}.", f"{DISCLAIMER}."],
            write_dir=str(folder),
        )
        present = {alarms.MODALITY[name] for name in record.names}
        records.append(
            {
                "id": scene.record,
                "task": ALARMS_FOLDER,
                "files": [_entry(folder.parent, folder / f"{scene.record}{end}") for end in (".hea", ".dat")],
                "samples_sha256": samples_sha256(samples),
                "label": int(scene.is_true),
                "alarm_type": scene.alarm,
                "scenario": scene.name,
                "missing": [m for m in ("ecg", "abp", "ppg", "resp") if m not in present],
                "truth": [{**asdict(item), "unit": "seconds"} for item in record.truth],
            }
        )
        tell(f"{ALARMS_FOLDER}/{scene.record}")
    _write_text(folder / "RECORDS", "".join(f"{scene.record}\n" for scene in SCENARIOS))
    _write_text(folder / "ALARMS", "".join(f"{s.record},{s.alarm},{int(s.is_true)}\n" for s in SCENARIOS))
    return records


def _manifest(seed: int, records: Sequence[Manifest], files: Sequence[Manifest]) -> Manifest:
    return {
        "generator": GENERATOR,
        "generator_version": GENERATOR_VERSION,
        "seed": seed,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "statement": STATEMENT,
        "disclaimer": DISCLAIMER,
        "licence": "Apache-2.0",
        "files": list(files),
        "records": list(records),
    }


def _entry(root: Path, path: Path) -> Manifest:
    return {"name": _name(root, path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("ascii"))


def _replaceable(out: Path) -> list[str]:
    """Names of the files of the cohort in `out`, empty for a new or empty folder."""
    if not out.exists():
        return []
    if not out.is_dir():
        raise InputError(out, "a file", "a folder for the cohort", "Name another folder.")
    if not any(out.iterdir()):
        return []
    if not (out / MANIFEST).is_file():
        raise InputError(
            out, "a folder with other files", "an empty folder, or one that holds a cohort", "Name another folder."
        )
    return list(_hashes(out, _read_manifest(out)))


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror})", "the cohort's manifest", _REBUILD) from error
    except ValueError as error:
        raise InputError(path, "no JSON text", "the cohort's manifest", _REBUILD) from error
    if not isinstance(manifest, dict) or manifest.get("generator") != GENERATOR:
        raise InputError(path, "another manifest", f"one written by the {GENERATOR}", "Name the cohort's folder.")
    return manifest


def _hashes(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 by file name; every name lies in one of the two data folders."""
    try:
        groups = [manifest["files"], *(record["files"] for record in manifest["records"])]
        found = {str(entry["name"]): str(entry["sha256"]) for group in groups for entry in group}
    except (KeyError, TypeError) as error:
        raise InputError(folder / MANIFEST, "entries without a name or hash", "files and records", _REBUILD) from error
    for name in found:
        parts = PurePosixPath(name).parts
        if len(parts) != 2 or parts[0] not in {STAYS_FOLDER, ALARMS_FOLDER} or parts[1] in {"..", "."}:
            raise InputError(folder / MANIFEST, f"the file name {name!r}", "a file in a data folder", _REBUILD)
    return found
