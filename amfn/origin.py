"""Whether a record is simulated, as far as it says itself or a manifest beside it tells, wherever it was brought to."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from amfn.readers import RecordRef

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data"
"""The simulated patients that come with the program."""
MANIFEST, SAID = "manifest.json", "simulated"
HASHED_UP_TO = 5_000_000
"""Bytes: headers and charts are smaller. What is larger is not read just to be told apart."""


def simulated(ref: RecordRef) -> bool:
    """True for a record of the sample cohort, a copy of one, one that a simulator's manifest lists by its checksum, and
    one whose header says so in a comment."""
    if ref.path.is_relative_to(SAMPLES):
        return True
    try:
        if ref.path.stat().st_size > HASHED_UP_TO:
            return False
        raw = ref.path.read_bytes()
        if ref.path.suffix == ".hea" and _says_so(raw):
            return True
        known = _listed(SAMPLES / MANIFEST)
        for folder in (ref.path.parent, ref.path.parent.parent):
            known |= _listed(folder / MANIFEST)
    except OSError:
        return False
    return hashlib.sha256(raw).hexdigest() in known


def _says_so(header: bytes) -> bool:
    lines = header.decode("latin-1").splitlines()
    return any(line.lstrip().startswith("#") and SAID in line.lower() for line in lines)


def _listed(manifest: Path) -> frozenset[str]:
    """Checksums of what a simulator wrote; none where the file is no such manifest."""
    try:
        return _checksums(manifest, manifest.stat().st_mtime_ns)
    except OSError:
        return frozenset()


@cache
def _checksums(manifest: Path, modified: int) -> frozenset[str]:
    try:
        stated = json.loads(manifest.read_text(encoding="utf-8"))
        if SAID not in stated["statement"].lower():
            return frozenset()
        return frozenset(file["sha256"] for record in stated["records"] for file in record["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()
