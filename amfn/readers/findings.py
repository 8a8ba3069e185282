"""Collects what a reader noticed: the same remark on the same channel becomes one `Finding` with the counts added."""

from __future__ import annotations

from amfn.types import Finding, Severity


class Findings:
    """A list of findings in order of first appearance, merged by channel, text and severity."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, Severity], int] = {}

    def note(self, channel: str, what: str, count: int, severity: Severity = "info") -> None:
        key = (channel, what, severity)
        self._counts[key] = self._counts.get(key, 0) + int(count)

    def warn(self, channel: str, what: str, count: int) -> None:
        self.note(channel, what, count, "warning")

    def all(self) -> tuple[Finding, ...]:
        return tuple(Finding(channel, what, n, severity) for (channel, what, severity), n in self._counts.items())
