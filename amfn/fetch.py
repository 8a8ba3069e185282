"""Download the two PhysioNet challenges: resumable, checked against the published checksums, unpacked safely.

A transfer goes to `<name>.part` and is renamed only once its SHA-256 agrees with the `SHA256SUMS.txt` that PhysioNet
publishes beside the files. Running the same command again goes on where the last run stopped. Transfers use
`requests`. Data: Silva et al. 2012 and Clifford et al. 2015, both under ODC-By 1.0.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO, Literal
from urllib.parse import quote, urlsplit

import requests
from tqdm import tqdm

from amfn import __version__
from amfn.types import InputError

Challenge = Literal["challenge-2012", "challenge-2015"]

CHUNK_BYTES = 1 << 16  # what a cut transfer loses at most
TIMEOUT_S = (10.0, 60.0)  # to connect, between two chunks
PAUSES_S = (1.0, 2.0, 4.0)  # before each new attempt; an attempt that brought bytes starts the count anew
CHECKSUMS = "SHA256SUMS.txt"
_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})\s+\*?(\S.*)")
_TRANSIENT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class ServerBusy(requests.ConnectionError):
    """The server is there and asks to be left alone for a moment (status 429 or 5xx)."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to fetch from one folder of PhysioNet. `archives` maps an archive to the paths it must unpack to, `files`
    are plain ones. Where an archive is not listed with a checksum, the files of its folder are fetched one by one."""

    url: str
    archives: Mapping[str, tuple[str, ...]]
    files: tuple[str, ...] = ()


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "challenge-2012": Source(
            "https://physionet.org/files/challenge-2012/1.0.0/",
            {"set-a.tar.gz": ("set-a",), "set-b.tar.gz": ("set-b",)},
            ("Outcomes-a.txt", "Outcomes-b.txt"),
        ),
        "challenge-2015": Source(
            "https://physionet.org/files/challenge-2015/1.0.0/",
            {"training.zip": ("training", "training/RECORDS", "training/ALARMS")},
        ),
    }
)


def fetch(challenge: Challenge, out: Path, *, base_url: str | None = None, progress: bool = True) -> list[Path]:
    """Download and unpack one challenge into `out`; give back what is there now: folders of records, outcome files.

    Files that are there and agree with their checksum are kept as they are; the archives stay, for the same reason.
    base_url: another address of the folder that holds SHA256SUMS.txt (a mirror). progress: one bar per file on stderr.
    Raises InputError: unknown challenge, no connection, a file missing on the server, a checksum that does not agree
    (the bad file is removed), an archive with a path outside its folder, a folder that cannot be written.
    """
    if challenge not in SOURCES:
        raise InputError("challenge", repr(challenge), f"one of {', '.join(SOURCES)}", "Correct the name.")
    source = SOURCES[challenge]
    mirror = _Mirror(base_url or source.url, out, progress)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with mirror.session:
            return _fetch_all(source, mirror)
    except OSError as error:
        raise InputError(
            out, f"cannot be written ({error.strerror or error})", "a folder with 1 GB free", "Choose another folder."
        ) from error


def _fetch_all(source: Source, mirror: _Mirror) -> list[Path]:
    sums = mirror.checksums()
    got: list[Path] = []
    for archive, leaves in source.archives.items():
        folder = f"{PurePosixPath(leaves[0])}/"
        if archive in sums:
            _unpack_once(mirror.file(archive, sums), mirror.out, sums[archive], leaves)
        else:
            for name in [name for name in sums if name.startswith(folder)] or [archive]:
                mirror.file(name, sums)
        got.append(mirror.out / leaves[0])
    return got + [mirror.file(name, sums) for name in source.files]


class _Mirror:
    """One folder on a web server, and the folder on disk it is copied to."""

    def __init__(self, url: str, out: Path, progress: bool) -> None:
        self.url = url.rstrip("/") + "/"
        self.host = urlsplit(url).hostname or url
        self.out = out
        self.progress = progress
        self.session = requests.Session()
        # Ranges count the bytes of the file itself, so the transfer must not be compressed on its way.
        self.session.headers.update({"User-Agent": f"fusionscope/{__version__}", "Accept-Encoding": "identity"})

    @property
    def by_hand(self) -> str:
        return (
            "Check the connection and run the same command again, "
            f"or download by hand from {self.url} into {self.out} and unpack it there."
        )

    def checksums(self) -> dict[str, str]:
        """SHA-256 by file name, as published in SHA256SUMS.txt."""
        part = self.out / f"{CHECKSUMS}.part"
        part.unlink(missing_ok=True)
        self._transfer_with_retries(CHECKSUMS, part)
        lines = part.read_text(encoding="utf-8", errors="replace").splitlines()
        part.unlink()
        matches = [_CHECKSUM_LINE.fullmatch(line.strip()) for line in lines]
        sums = {found[2].removeprefix("./"): found[1] for found in matches if found}
        if not sums:
            raise InputError(
                self.url + CHECKSUMS,
                "is not a list of checksums",
                "lines of SHA-256 and file name",
                "Check the address, and whether a network login page answers in its place.",
            )
        return sums

    def file(self, name: str, sums: Mapping[str, str]) -> Path:
        """The file on disk, downloaded where it is not there yet or does not agree with its checksum."""
        if name not in sums:
            raise InputError(
                self.url, f"{name} is not in {CHECKSUMS}", "every file listed with its checksum", "Check the address."
            )
        if not _stays_inside(name):
            raise InputError(
                self.url + CHECKSUMS, f"{name!r} leaves the folder", "names inside it", "Do not use this address."
            )
        path = self.out / name
        if path.is_file() and _sha256(path) == sums[name]:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        resumed = part.exists()
        self._transfer_with_retries(name, part)
        if resumed and _sha256(part) != sums[name]:
            part.unlink()  # the first half may be of an older file
            self._transfer_with_retries(name, part)
        came = _sha256(part)
        if came != sums[name]:
            part.unlink()
            raise InputError(
                self.url + name,
                f"SHA-256 {came[:16]}… does not agree; the download was removed",
                f"{sums[name][:16]}… as published in {CHECKSUMS}",
                "Run the same command again; if it stays so, the file on the server is damaged.",
            )
        part.replace(path)
        return path

    def _transfer_with_retries(self, name: str, part: Path) -> None:
        failures = 0
        while True:
            before = _size(part)
            try:
                self._transfer(name, part)
                return
            except _TRANSIENT as error:
                failures = 0 if _size(part) > before else failures
                if failures == len(PAUSES_S):
                    raise InputError(
                        self.url + name,
                        f"no connection to {self.host} ({type(error).__name__})",
                        "a download",
                        self.by_hand,
                    ) from error
                time.sleep(PAUSES_S[failures])
                failures += 1
            except requests.RequestException as error:
                raise InputError(
                    self.url + name, f"cannot be fetched ({error})", "a web address", self.by_hand
                ) from error

    def _transfer(self, name: str, part: Path) -> None:
        """One attempt to append what is missing of the file to `part`."""
        have = _size(part)
        ask = {"Range": f"bytes={have}-"} if have else {}
        with self.session.get(self.url + quote(name), headers=ask, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                # Nothing is left to send: `part` is the whole file, or not a part of it. Its checksum decides.
                return
            if answer.status_code >= 500 or answer.status_code == requests.codes.too_many_requests:
                raise ServerBusy
            if not answer.ok:
                raise InputError(
                    self.url + name,
                    f"the server answered {answer.status_code} {answer.reason}",
                    "the file",
                    self.by_hand,
                )
            if answer.status_code != requests.codes.partial_content:
                have = 0
            self._save(answer, part, have, PurePosixPath(name).name)

    def _save(self, answer: requests.Response, part: Path, have: int, title: str) -> None:
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(
                total=total,
                initial=have,
                desc=title,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                disable=not self.progress,
            ) as bar,
        ):
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))


def _unpack_once(archive: Path, out: Path, sha256: str, leaves: tuple[str, ...]) -> None:
    """Unpack, unless this very archive was unpacked here before. A stamp beside the archive, written last, says so."""
    stamp = archive.with_name(f".{archive.name}.unpacked")
    if stamp.is_file() and stamp.read_text() == sha256 and all((out / leaf).exists() for leaf in leaves):
        return
    unpack(archive, out)
    missing = [leaf for leaf in leaves if not (out / leaf).exists()]
    if missing:
        raise InputError(archive, f"holds no {missing[0]}", ", ".join(leaves), "Download the archive again.")
    stamp.write_text(sha256)


def unpack(archive: Path, out: Path) -> None:
    """Unpack a .zip or .tar.gz into `out`, replacing files of the same name.

    Raises InputError where a member would leave `out` or is a link or a device (before anything is written), and
    where the archive is damaged.
    """
    try:
        if archive.suffix == ".zip":
            _unpack_zip(archive, out)
        else:
            _unpack_tar(archive, out)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise InputError(
            archive, f"is damaged ({error})", "a whole archive", "Delete it and download it again."
        ) from error


def _unpack_zip(archive: Path, out: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = [info.filename for info in packed.infolist() if not info.is_dir()]
        _refuse(archive, [name for name in names if not _stays_inside(name)])
        for name in names:
            with packed.open(name) as file:
                _write(file, out / name)


def _unpack_tar(archive: Path, out: Path) -> None:
    # Not `extractall(filter="data")`: Python 3.11.0 to 3.11.3 do not have it.
    with tarfile.open(archive) as packed:
        members = [member for member in packed.getmembers() if not member.isdir()]
        _refuse(archive, [member.name for member in members if not (member.isfile() and _stays_inside(member.name))])
        for member in members:
            file = packed.extractfile(member)
            if file is not None:
                _write(file, out / member.name)


def _refuse(archive: Path, names: list[str]) -> None:
    if names:
        raise InputError(
            archive, f"member {names[0]!r} leaves the folder or is a link", "plain files", "Do not use this archive."
        )


def _write(file: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as copy:
        shutil.copyfileobj(file, copy)


def _stays_inside(name: str) -> bool:
    """True where a path of an archive or a list cannot leave the folder it is put in."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:\0]", name)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
