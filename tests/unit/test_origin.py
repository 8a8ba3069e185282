"""A simulated record is called simulated wherever it is brought to; a record of which nothing is known is not."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

from amfn.origin import MANIFEST, SAMPLES, simulated
from amfn.readers import RecordRef, open_folder
from tests.app.screen import ids, open_app, words

STAY, ALARM = "900001", "sim_a001"


def ref(folder: Path, record_id: str) -> RecordRef:
    return open_folder(folder).find(record_id)


def test_a_copy_of_a_sample_record_is_still_simulated(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "icu_mortality" / f"{STAY}.txt", tmp_path)
    assert simulated(ref(SAMPLES / "icu_mortality", STAY))
    assert simulated(ref(tmp_path, STAY))
    path = tmp_path / f"{STAY}.txt"
    path.write_text(path.read_text().replace("HR,", "HR,1", 1))
    assert not simulated(ref(tmp_path, STAY)), "other values: nothing is known of them"


def test_a_header_that_says_so_is_believed(tmp_path: Path) -> None:
    for suffix in (".hea", ".dat"):
        shutil.copy(SAMPLES / "icu_alarm" / f"{ALARM}{suffix}", tmp_path)
    header = tmp_path / f"{ALARM}.hea"
    header.write_text(header.read_text() + "# one line more\n")
    assert simulated(ref(tmp_path, ALARM))
    header.write_text("\n".join(line for line in header.read_text().splitlines() if "imulated" not in line) + "\n")
    assert not simulated(ref(tmp_path, ALARM))


def test_a_manifest_counts_only_for_what_it_lists(tmp_path: Path) -> None:
    own = tmp_path / "icu_mortality"
    own.mkdir()
    stay = own / "1.txt"
    stay.write_text((SAMPLES / "icu_mortality" / f"{STAY}.txt").read_text().replace(STAY, "1"))
    assert not simulated(ref(own, "1"))
    (tmp_path / MANIFEST).write_text("[]")
    assert not simulated(ref(own, "1"))
    (tmp_path / MANIFEST).unlink()
    listed = {"statement": "Simulated", "records": [{"files": [{"sha256": sha256(stay.read_bytes()).hexdigest()}]}]}
    (tmp_path / MANIFEST).write_text(json.dumps(listed))
    assert simulated(ref(own, "1"))


def test_the_banner_of_a_copied_record_says_simulated(tmp_path: Path) -> None:
    for record_id in ids("icu_mortality")[:2]:
        shutil.copy(SAMPLES / "icu_mortality" / f"{record_id}.txt", tmp_path)
    at = open_app()
    at.radio(key="w_source").set_value("folder").run()
    at.text_input(key="w_folder").set_value(str(tmp_path)).run()
    assert f"Simulated patient, folder {tmp_path.name}" in words(at)
