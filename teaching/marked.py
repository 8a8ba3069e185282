"""YAML whose every value still knows its line, so that a mistake can be pointed at. Nothing but plain values is built.

Lines are counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from amfn.types import InputError

LONGEST = 200_000
"""Characters. A lesson is a text for an hour."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A value and the line on which it stands. value: a text, a number, a truth value, None, a tuple of these, or a
    mapping from texts to these. source: the file, for messages."""

    value: Any
    line: int
    source: str

    def wrong(self, came: str, expected: str, mend: str) -> InputError:
        """The error that names file and line."""
        return InputError(f"{self.source}, line {self.line}", came, expected, mend)

    def mapping(self, what: str, known: Iterable[str], needed: Iterable[str] = ()) -> Mapping[str, Marked]:
        """The mapping that this value has to be, of these keys only. Raises InputError for anything else."""
        names = tuple(known)
        if not isinstance(self.value, dict):
            raise self.wrong(
                f"{self._said()} for {what}", f"entries like '{names[0]}: …'", "Write them below each other."
            )
        for key, value in self.value.items():
            if key not in names:
                raise value.wrong(
                    f"the unknown entry '{key}' in {what}", f"one of {', '.join(names)}", "Correct its name."
                )
        for key in needed:
            if key not in self.value:
                raise self.wrong(f"{what} without '{key}'", f"an entry '{key}: …'", "Add it.")
        return self.value

    def items(self, what: str) -> tuple[Marked, ...]:
        """The list that this value has to be, with at least one entry."""
        if not isinstance(self.value, tuple) or not self.value:
            raise self.wrong(
                f"{self._said()} for {what}", "a list of one or more entries", "Begin each line with '- '."
            )
        return self.value

    def text(self, what: str) -> str:
        """The text that this value has to be, not empty; a number counts as one."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float) or not str(self.value).strip():
            raise self.wrong(f"{self._said()} for {what}", "a text", "Write it, in quotes where it holds a colon.")
        return str(self.value).strip()

    def texts(self, what: str) -> tuple[str, ...]:
        return tuple(item.text(what) for item in self.items(what))

    def one_of(self, what: str, choices: Iterable[str]) -> str:
        found, allowed = self.text(what), tuple(choices)
        if found not in allowed:
            raise self.wrong(f"{what} '{found}'", f"one of {', '.join(allowed)}", "Correct it.")
        return found

    def truth(self, what: str) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong(f"{self._said()} for {what}", "true or false", "Write one of the two.")
        return self.value

    def whole(self, what: str, low: int, high: int) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            raise self.wrong(f"{self._said()} for {what}", f"a whole number from {low} to {high}", "Correct it.")
        return self.value

    def _said(self) -> str:
        match self.value:
            case None:
                return "nothing"
            case dict():
                return "a group of entries"
            case tuple():
                return "a list" if self.value else "an empty list"
            case _:
                return f"'{str(self.value)[:40]}'"


def read_marked(text: str, source: str) -> Marked:
    """The document as marked values. Raises InputError with file and line for what is no YAML, an entry that stands
    twice, an alias, or a text that is too long."""
    if len(text) > LONGEST:
        raise InputError(source, f"{len(text):,} characters", f"up to {LONGEST:,}", "Make two lessons of it.")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = source if mark is None else f"{source}, line {mark.line + 1}"
        raise InputError(
            where, f"text that is no YAML: {error.problem or error.context}", "entries 'name: value', lists with '- '",
            "Mend this line or the one before; a text that holds ': ' stands in quotes.",
        ) from error  # fmt: skip
    except yaml.YAMLError as error:
        raise InputError(source, f"text that is no YAML: {error}", "plain text in UTF-8", "Save it again.") from error
    if node is None:
        raise InputError(source, "an empty file", "a lesson", "See sample_data/lessons/README.md.")
    return _Reader(loader, source).read(node)


class _Reader:
    def __init__(self, loader: yaml.SafeLoader, source: str) -> None:
        self.loader, self.source = loader, source
        self.met: set[int] = set()

    def read(self, node: yaml.Node) -> Marked:
        line = node.start_mark.line + 1
        if id(node) in self.met:
            # Aliases of aliases grow without bounds; a lesson has no use for them.
            raise InputError(
                f"{self.source}, line {line}", "an alias (*name)", "every text written out", "Write it out."
            )
        self.met.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return Marked(self._mapping(node), line, self.source)
        if isinstance(node, yaml.SequenceNode):
            return Marked(tuple(self.read(item) for item in node.value), line, self.source)
        return Marked(self._scalar(node, line), line, self.source)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Marked]:
        found: dict[str, Marked] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                raise InputError(
                    f"{self.source}, line {line}", f"the entry '{getattr(key, 'value', '')}' twice or without a name",
                    "every entry once, by its name", "Take one of them out.",
                )  # fmt: skip
            # The line of the entry, which is where its writer looks, and not that of a text that begins below it.
            found[key.value] = Marked(self.read(value).value, line, self.source)
        return found

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        try:
            value = self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise InputError(
                f"{self.source}, line {line}", f"a value that cannot be read: {str(node.value)[:40]}",
                "a text, a number, true or false", "Put a text in quotes.",
            ) from error  # fmt: skip
        return value if isinstance(value, str | int | float | bool | None) else str(node.value)
