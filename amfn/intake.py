"""Files that a user hands over, brought into a folder: nothing leaves it, nothing stays of a refused upload.

What stands in an archive's directory is the sender's word. Members are counted before the directory is read as a whole,
bytes are counted as they are written, and kinds of files are told by their attributes. A zip inside a zip stays shut.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from amfn.readers.findings import Findings
from amfn.readers.folder import DEPTH
from amfn.types import Finding, InputError

MB = 1_000_000
CHUNK = 1 << 16
MAX_NAME = 120
SMALL = MB
"""Below this a member may be packed as tightly as it likes: there is nothing to fill."""
ZIP_SIGNS = (b"PK\x03\x04", b"PK\x05\x06")
_END, _END64, _LOCATOR64, _MEMBER = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
)
_HIDDEN = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Limits:
    """upload: bytes handed over at once; unpacked: bytes written; entries: files and folders; ratio: of packing."""

    upload: int = 200 * MB
    unpacked: int = 1000 * MB
    entries: int = 10_000
    ratio: float = 100.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sends it: its name, which may be anything, and its bytes."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in: the folder, the files in it by relative path, and what was left out on the way."""

    folder: Path
    files: tuple[str, ...]
    size: int
    findings: tuple[Finding, ...]


def unpack(uploads: Sequence[Upload], into: Path, limits: Limits | None = None) -> Intake:
    """All uploads together in the folder `into`, zip files unpacked. What was in `into` before is replaced.

    Raises InputError for an upload that is too large, is a dangerous or damaged archive, or holds nothing; then `into`
    is as it was before.
    """
    bounds = limits or Limits()
    size = sum(_size(upload.stream) for upload in uploads)
    if size > bounds.upload:
        raise _too_large("upload", size, bounds.upload)
    findings = Findings()
    into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=into.parent))
    try:
        writer = _Writer(partial, bounds, findings)
        for upload in uploads:
            writer.take(upload)
        if not writer.files:
            raise InputError("upload", "no file in it", "at least one file of a record", "Choose the record's files.")
        _replace(partial, into)
    except OSError as error:
        # Without the path: it would name the user's file.
        raise InputError(
            "upload",
            f"it cannot be kept ({error.strerror})",
            "room on this computer's disk",
            "Make room, and try again.",
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Intake(into, tuple(sorted(writer.files)), writer.written, findings.all())


def _size(stream: BinaryIO) -> int:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size


def _too_large(source: str, came: int, most: int) -> InputError:
    return InputError(
        source,
        f"{came / MB:,.1f} MB",
        f"at most {most / MB:,.0f} MB",
        "Bring fewer records at once, or open their folder by its path.",
    )


def _replace(partial: Path, into: Path) -> None:
    old = Path(tempfile.mkdtemp(prefix=".old-", dir=into.parent))
    try:
        if into.exists():
            into.rename(old / "files")
        try:
            partial.rename(into)
        except OSError:
            if (old / "files").exists():
                (old / "files").rename(into)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


class _Writer:
    """Writes what is allowed into one folder and counts what it has written."""

    def __init__(self, folder: Path, limits: Limits, findings: Findings) -> None:
        self.folder, self.limits, self.findings = folder, limits, findings
        self.files: set[str] = set()
        self.written = 0

    def take(self, upload: Upload) -> None:
        start = upload.stream.read(4)
        upload.stream.seek(0)
        if start in ZIP_SIGNS or upload.name.lower().endswith(".zip"):
            self._archive(upload)
            return
        self._write(PurePosixPath(safe_name(upload.name)), upload.stream, None, upload.name)

    def _archive(self, upload: Upload) -> None:
        packed = _size(upload.stream)
        try:
            count_members(upload, self.limits.entries)
            with zipfile.ZipFile(upload.stream) as archive:
                members = archive.infolist()
                if len(members) > self.limits.entries:
                    raise too_many(upload.name, self.limits.entries)
                for member in members:
                    _check(upload.name, member)
                before = self.written
                for member, path in _kept(members, self.findings):
                    self._member(upload.name, archive, member, path)
                    # Overlapping members each keep to the ratio: together they must as well.
                    self._tight(upload.name, self.written - before, packed)
        except InputError:
            raise
        except _DAMAGE as error:
            raise _damaged(upload.name) from error

    def _member(self, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: PurePosixPath) -> None:
        with archive.open(member) as source:
            start = source.read(4)
            if start in ZIP_SIGNS:
                self.findings.warn(path.name, "a zip inside the zip: not opened", 1)
                return
        with archive.open(member) as source:
            self._write(path, source, member, name)

    def _write(self, path: PurePosixPath, source: IO[bytes], member: zipfile.ZipInfo | None, name: str) -> None:
        if str(path) in self.files or any(str(parent) in self.files for parent in path.parents):
            self.findings.warn(path.name, "a second file of this name: left out, the first is kept", 1)
            return
        target = self.folder / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.is_dir():
            self.findings.warn(path.name, "a file and a folder of one name: the file is left out", 1)
            return
        size = 0
        with target.open("xb") as file:
            while block := source.read(CHUNK):
                size += len(block)
                self.written += len(block)
                if self.written > self.limits.unpacked:
                    raise InputError(
                        name,
                        f"more than {self.limits.unpacked / MB:,.0f} MB once unpacked",
                        f"at most {self.limits.unpacked / MB:,.0f} MB",
                        "Bring fewer records at once, or open their folder by its path.",
                    )
                if member is not None:
                    self._tight(name, size, member.compress_size)
                file.write(block)
        self.files.add(str(path))

    def _tight(self, name: str, size: int, packed: int) -> None:
        if size > SMALL and size > self.limits.ratio * max(packed, 1):
            raise InputError(
                name,
                f"packed more tightly than {self.limits.ratio:g} to 1, as no recording is",
                "an archive of records",
                "Unpack it yourself, and bring the records.",
            )


def safe_name(name: str) -> str:
    """The last part of a name without signs that a file system minds; never empty, hidden or longer than 120."""
    last = _FORBIDDEN.sub("_", re.split(r"[\\/]", name)[-1]).strip().lstrip(".").strip() or "unnamed"
    stem, dot, suffix = last.partition(".")
    return last if len(last) <= MAX_NAME else f"{stem[: MAX_NAME - 30]}{dot}{suffix[-29:]}"


def _check(archive: str, member: zipfile.ZipInfo) -> None:
    """Raise InputError for a member that would leave the folder, is no plain file or folder, or is encrypted."""
    name = member.orig_filename
    parts = re.split(r"[\\/]", name)
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise InputError(
            archive,
            "a member that points outside the archive's own folder",
            "plain names inside the archive",
            "Do not trust this archive. Pack the records again yourself.",
        )
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind and kind not in {stat.S_IFREG, stat.S_IFDIR}:
        raise InputError(
            archive,
            "a symbolic link" if kind == stat.S_IFLNK else "a special file (device, pipe or socket)",
            "plain files and folders",
            "Pack the files themselves, without links.",
        )
    if member.flag_bits & 0x1:
        raise InputError(archive, "an encrypted archive", "one without a password", "Unpack it, and bring the files.")


def _kept(members: Sequence[zipfile.ZipInfo], findings: Findings) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files with their safe places, without folders that hold everything else and without hidden files."""
    found: list[tuple[zipfile.ZipInfo, tuple[str, ...]]] = []
    for member in members:
        names = [part for part in re.split(r"[\\/]", member.filename) if part not in ("", ".")]
        if member.is_dir() or not names:
            continue
        if any(part.startswith(".") or part in _HIDDEN for part in names):
            findings.note("archive", "hidden files of the system that packed it: left out", 1)
            continue
        found.append((member, tuple(safe_name(part) for part in names)))
    columns = zip(*(parts[:-1] for _, parts in found), strict=False)
    common = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, columns))
    for member, parts in found:
        if len(parts) - 1 - common > DEPTH:
            findings.warn(parts[-1], f"more than {DEPTH} folders deep: records are not looked for there", 1)
        yield member, PurePosixPath(*parts[common:])


def count_members(upload: Upload, most: int) -> int:
    """How many members the archive's directory lists, stepping over at most `most` of them.

    Raises InputError for more, and for a directory that is not where the archive says. Layout: PKWARE APPNOTE 4.3.
    """
    stream, size = upload.stream, _size(upload.stream)
    tail_start = max(size - (1 << 16) - 22, 0)
    stream.seek(tail_start)
    tail = stream.read()
    end = len(tail) - 22 if tail[-22:-18] == _END and tail[-2:] == b"\0\0" else tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        raise _damaged(upload.name)
    declared, length = (
        struct.unpack("<H", tail[end + 10 : end + 12])[0],
        struct.unpack("<L", tail[end + 12 : end + 16])[0],
    )
    finish = tail_start + end
    stream.seek(max(finish - 76, 0))
    wide = stream.read(76)
    if len(wide) == 76 and wide[56:60] == _LOCATOR64 and wide[:4] == _END64:
        declared, length = struct.unpack("<Q", wide[32:40])[0], struct.unpack("<Q", wide[40:48])[0]
        finish -= 76
    if declared > most:
        raise too_many(upload.name, most)
    at, count = finish - length, 0
    if at < 0:
        raise _damaged(upload.name)
    while at < finish:
        stream.seek(at)
        header = stream.read(46)
        if len(header) < 46 or header[:4] != _MEMBER:
            raise _damaged(upload.name)
        count += 1
        if count > most:
            raise too_many(upload.name, most)
        at += 46 + sum(struct.unpack("<3H", header[28:34]))
    stream.seek(0)
    return count


def too_many(name: str, most: int) -> InputError:
    return InputError(
        name,
        f"more than {most:,} files",
        f"at most {most:,}",
        "Bring fewer records at once, or open their folder by its path.",
    )


def _damaged(name: str) -> InputError:
    return InputError(
        name, "a damaged archive", "a zip file that can be unpacked", "Pack it again, or bring the files themselves."
    )
