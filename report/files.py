"""The documents of one record, made in memory and then put in place whole: no file is ever half written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from amfn.types import InputError
from report.fhir import fhir
from report.html import html
from report.pdf import pdf
from report.values import Content


@dataclass(frozen=True, slots=True)
class Format:
    """name: as asked for. title: for a screen. mime: its media type."""

    name: str
    title: str
    ending: str
    mime: str
    render: Callable[[Content], bytes]


FORMATS: Mapping[str, Format] = {
    kind.name: kind
    for kind in (
        Format("pdf", "PDF", ".pdf", "application/pdf", pdf),
        Format("html", "HTML", ".html", "text/html", lambda content: html(content).encode()),
        Format("fhir", "FHIR JSON", ".fhir.json", "application/fhir+json", lambda content: fhir(content).encode()),
    )
}


@dataclass(frozen=True, slots=True)
class File:
    """One document, ready to be written or sent. title and mime: those of its format."""

    name: str
    format: str
    title: str
    mime: str
    data: bytes


def formats_of(asked: str) -> tuple[Format, ...]:
    """'pdf,html' -> those formats, each once. Raises InputError for an unknown name, or none at all."""
    names = [name for name in (part.strip().lower() for part in asked.split(",")) if name]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise InputError(
            "--format", ", ".join(unknown) or "no format", f"some of {', '.join(FORMATS)}, with commas between",
            "Correct the name.",
        )  # fmt: skip
    return tuple(FORMATS[name] for name in dict.fromkeys(names))


def rendered(content: Content, formats: Sequence[Format] = tuple(FORMATS.values())) -> tuple[File, ...]:
    """The document in each format."""
    return tuple(
        File(f"{content.stem}{kind.ending}", kind.name, kind.title, kind.mime, kind.render(content)) for kind in formats
    )


def folder_for(path: Path) -> Path:
    """The folder, made if need be. Raises InputError where nothing can be written into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path, prefix=".report-"):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def write(files: Sequence[File], folder: Path) -> tuple[Path, ...]:
    """Put the files into a folder, over older ones of the same name. All are written beside their places first, so
    that a full disk leaves the older ones as they were. Raises InputError where that is not possible."""
    waiting: list[tuple[Path, Path]] = []
    try:
        for file in files:
            with NamedTemporaryFile(dir=folder, prefix=".report-", delete=False) as target:
                waiting.append((Path(target.name), folder / file.name))
                target.write(file.data)
            # A temporary file is the owner's alone; a document is as readable as any other new file.
            os.chmod(target.name, 0o666 & ~_mask())
        for written, place in waiting:
            written.replace(place)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        for written, _ in waiting:
            written.unlink(missing_ok=True)
    return tuple(place for _, place in waiting)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        folder, f"nothing can be written there ({error.strerror or error})", "a folder that can be written to",
        "Name another one with --out.",
    )  # fmt: skip
