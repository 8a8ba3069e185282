"""What an audit is of: its settings and its manifest, as plain JSON beside its parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from amfn.types import InputError, require_settings
from explain.methods import method_named

FORMAT = 1
MANIFEST = "manifest.json"
UNSEEN, SHIPPED, NETWORK = "unseen", "shipped", "network-"
Table = Literal["records", "subsets", "attributions", "dead-letters"]
TABLES: tuple[Table, ...] = ("subsets", "attributions", "dead-letters", "records")
"""In the order in which a part's files are put into place: where its records are, all of it is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """answered: which networks answer. "unseen": a record of the training by those of its fold, which have not seen it,
    any other by the shipped ones; "shipped": every record by these; "network-2": by the third of these alone. methods:
    attribution methods over raw inputs, each summarised in `bins` equal stretches of every modality's window.
    part_size: records a part; a part is what a killed run repeats at most."""

    answered: str = UNSEEN
    methods: tuple[str, ...] = ()
    bins: int = 6
    part_size: int = 200

    def __post_init__(self) -> None:
        for name in self.methods:
            method_named(name)
        require_settings(
            "audit",
            ("bins", self.bins, 1 <= self.bins <= 96),
            ("part_size", self.part_size, 1 <= self.part_size <= 10_000),
            ("methods", ", ".join(self.methods), len(set(self.methods)) == len(self.methods)),
        )
        if self.answered not in (UNSEEN, SHIPPED) and self.network is None:
            raise InputError(
                "--answered",
                repr(self.answered),
                f"{UNSEEN}, {SHIPPED} or {NETWORK}0, {NETWORK}1 and so on",
                "Correct it.",
            )

    @property
    def network(self) -> int | None:
        """Which network of the ensemble answers alone; None where several do."""
        number = self.answered.removeprefix(NETWORK)
        return int(number) if number != self.answered and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of parts is an audit of, and how far it is.

    model: digest of the checkpoint; listing: digest of the names and sizes of what is audited, data: of what was in the
    records themselves, None until the audit is finished. parts: how many there are to be. records: how many were found;
    audited and refused: how many of them went in and how many did not, None until finished. modalities: name and title.
    strata: title by column of `records`. started, finished: ISO 8601 in UTC. seconds: of all parts together.
    """

    task: str
    model: str
    model_name: str
    model_path: str
    networks: int
    base_rate: float
    folders: tuple[str, ...]
    prepared: str | None
    listing: str
    records: int
    parts: int
    modalities: tuple[tuple[str, str], ...]
    strata: Mapping[str, str]
    settings: Settings
    commit: str
    started: str
    finished: str | None = None
    data: str | None = None
    audited: int | None = None
    refused: int | None = None
    seconds: float | None = None
    device: str | None = None
    format: int = field(default=FORMAT)

    @property
    def answered(self) -> str:
        return self.settings.answered

    @property
    def names(self) -> tuple[str, ...]:
        """Modalities by name, in the order of the schema."""
        return tuple(name for name, _ in self.modalities)

    @property
    def identity(self) -> str:
        """First 16 hex digits of a SHA-256 over what every part has to have in common."""
        said = [self.format, self.task, self.model, self.listing, self.records, self.parts, asdict(self.settings)]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def write(self, folder: Path) -> None:
        """Renamed into place: a killed run leaves the manifest that was, or the new one."""
        part = folder / f".{MANIFEST}.part"
        part.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(folder / MANIFEST)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises InputError where there is none or it is of another version."""
        path = folder / MANIFEST
        try:
            stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            settings = stored.pop("settings")
            found = cls(
                **{
                    **stored,
                    "folders": tuple(stored["folders"]),
                    "modalities": tuple((str(name), str(title)) for name, title in stored["modalities"]),
                    "settings": Settings(**{**settings, "methods": tuple(settings["methods"])}),
                }
            )
        except FileNotFoundError as error:
            raise InputError(
                folder, f"no {MANIFEST} in it", "a folder that `python -m amfn audit` wrote", "Name another folder."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                path, f"not readable as the manifest of an audit ({error})", f"a manifest of format {FORMAT}",
                "Restore it, or audit again into a new folder.",
            ) from error  # fmt: skip
        if found.format != FORMAT:
            raise InputError(path, f"format {found.format}", f"format {FORMAT}", "Audit again with this program.")
        return found

    def differs(self, other: Manifest) -> tuple[str, ...]:
        """In words, what another audit was of that this one is not."""
        ours, theirs = asdict(self.settings), asdict(other.settings)
        pairs = [
            ("model", self.model, other.model), ("task", self.task, other.task),
            ("records", f"{self.records} ({self.listing})", f"{other.records} ({other.listing})"),
            *((name.replace("_", " "), _plain(ours[name]), _plain(theirs[name])) for name in ours),
        ]  # fmt: skip
        return tuple(f"{name} {there}, not {here}" for name, here, there in pairs if here != there)


def _plain(setting: object) -> str:
    return ", ".join(setting) or "none" if isinstance(setting, tuple | list) else str(setting)
