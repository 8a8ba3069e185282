"""What a lesson is: steps that are read, looked at, committed to, revealed, asked and discussed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

VIEWS: Mapping[str, str] = {
    "recorded": "which modalities were recorded, and which are missing",
    "signal": "the waveforms before the alarm, or the charted values of the stay",
    "measured": "how often each charted value was measured in the sample cohort, by outcome",
    "estimate": "the model's estimate beside the base rate",
    "certainty": "how far the networks differ, similar records, outcomes that cannot be ruled out",
    "contributions": "what each modality added to the estimate (Shapley values)",
    "attention": "the attention between modalities (heatmap)",
    "weights": "each modality's share in the fused summary (β)",
    "reality": "routing beside contribution, and whether they agree",
    "without": "the estimate with modalities switched off (names them in `without`)",
    "unmeasured": "the estimate had a charted value never been measured (names it in `unmeasured`)",
    "outcome": "the simulated outcome, and what was planted in the record",
}
MODEL_VIEWS = frozenset(VIEWS) - {"recorded", "signal", "measured"}
"""Views that tell what a learner commits to before seeing them."""
PLACEHOLDERS: Mapping[str, str] = {
    "estimate": "the model's estimate",
    "base_rate": "how often the outcome occurred in training",
    "outcome": "the simulated outcome",
    "without": "the estimate without the modalities in `without`",
    "unmeasured": "the estimate without the values in `unmeasured`",
    "largest_contribution": "the modality that moved the estimate most",
    "smallest_contribution": "the modality that moved it least",
    "most_attention": "the modality that receives most attention",
    "least_attention": "the modality that receives least attention",
    "largest_weight": "the modality with the largest fusion weight",
    "missing": "the modalities that were not recorded",
    "networks": "lowest and highest estimate of the single networks",
}
OPEN_PLACEHOLDERS = frozenset({"base_rate", "missing"})
"""Those that tell nothing of the model's answer to a record."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Choice:
    text: str
    correct: bool
    explanation: str


@dataclass(frozen=True, slots=True)
class Read:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """Views of one record of the sample cohort. without: modalities that are switched off; unmeasured: charted values
    that are taken out; channels: those that the view "measured" lists, empty for all."""

    title: str
    text: str
    record: str
    views: tuple[str, ...]
    without: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commit:
    """The learner's own estimate, 0 to 100 %, with a ranking of modalities where asked, before the model is seen."""

    title: str
    text: str
    record: str
    views: tuple[str, ...]
    question: str
    ranking: bool = False


@dataclass(frozen=True, slots=True)
class Reveal:
    """What the model says of the record committed to. revise: the learner may change the estimate (stage "after").
    commit: position of the step that it answers."""

    title: str
    text: str
    record: str
    views: tuple[str, ...]
    commit: int
    revise: bool = False
    without: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    title: str
    text: str
    question: str
    choices: tuple[Choice, ...]
    record: str = ""
    views: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discussion:
    """The debrief: what the answers of all say, and what to talk about."""

    title: str
    text: str


Step = Read | Look | Commit | Reveal | Question | Discussion


@dataclass(frozen=True, slots=True)
class Lesson:
    """name: the file's stem, which links use. side: the estimate in % from which on one would bet on the outcome.
    digest: of the file's text, so that a room can tell that its lesson was changed meanwhile."""

    name: str
    title: str
    summary: str
    learn: tuple[str, ...]
    task: str
    minutes: int
    steps: tuple[Step, ...]
    sources: tuple[str, ...]
    side: int
    digest: str

    @property
    def commits(self) -> tuple[int, ...]:
        """Positions of the steps in which a learner commits."""
        return tuple(k for k, step in enumerate(self.steps) if isinstance(step, Commit))

    def reveal_of(self, commit: int) -> int | None:
        """The position at which the model is shown for a commit."""
        found = (k for k, step in enumerate(self.steps) if isinstance(step, Reveal) and step.commit == commit)
        return next(found, None)

    def told_by(self, step: int) -> int | None:
        """The commit whose answer this step gives away: nobody should see the step before it. None for none."""
        shown = self.steps[step]
        if isinstance(shown, Reveal):
            return shown.commit
        if not tells(shown):
            return None
        earlier = (k for k in self.commits if k < step and record_of(self.steps[k]) == record_of(shown))
        return next(earlier, None)

    def until(self, step: int) -> Lesson:
        """The lesson up to this step and with it: a debrief in its middle speaks of nothing that comes later."""
        return replace(self, steps=self.steps[: step + 1])

    def item(self, step: int) -> str:
        """Under which name answers to a step are kept; a reveal's answers belong to its commit."""
        shown = self.steps[step]
        asked = shown.commit if isinstance(shown, Reveal) else step
        what = getattr(self.steps[asked], "record", "") or "question"
        return f"{asked + 1:02d} {what}"


def record_of(step: Step) -> str:
    """The record that a step is about; empty for none."""
    return "" if isinstance(step, Read | Discussion) else step.record


def views_of(step: Step) -> tuple[str, ...]:
    return () if isinstance(step, Read | Discussion) else step.views


def texts_of(step: Step) -> Iterator[str]:
    """Every text of a step that a learner reads."""
    yield from (step.title, step.text)
    if isinstance(step, Commit | Question):
        yield step.question
    if isinstance(step, Question):
        for choice in step.choices:
            yield from (choice.text, choice.explanation)


def tells(step: Step) -> tuple[str, ...]:
    """What of a step tells the model's answer to its record, or its outcome: views, and placeholders in brackets."""
    told = {name for text in texts_of(step) for name in placeholders_in(text)} - OPEN_PLACEHOLDERS
    return (*(name for name in views_of(step) if name in MODEL_VIEWS), *(f"{{{name}}}" for name in sorted(told)))


def placeholders_in(text: str) -> tuple[str, ...]:
    """Names in curly brackets, in order."""
    return tuple(_PLACEHOLDER.findall(text))


def filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with every placeholder replaced by what was worked out now. KeyError for one that was not."""
    return _PLACEHOLDER.sub(lambda found: facts[found[1]], text)
