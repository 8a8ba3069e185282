"""Words on the screen that are used in more than one place, and the plain formatting of numbers and times."""

from __future__ import annotations

import re
from html import escape as escape

from explain.narrative import percent as percent

MINUS = "\N{MINUS SIGN}"
DISCLAIMER = "Research and education only; not for diagnosis."
ROUTING = "Routing weight, not contribution: what moved the risk is on the Attribution page (Shapley values)."

SPLIT_NOT_SHAPLEY = (
    "This split is exact for the fused nodes. How much a modality itself contributes, with all its ways through the "
    "network, is its Shapley value on the Attribution page."
)

HELP_RISK = (
    "The model's estimate for this record, from 0 to 100 %. The base rate is how often the outcome occurred in the "
    "training data: what one would guess knowing nothing of this patient."
)
HELP_SHAPLEY = (
    "Shapley value: what a modality adds to the log-odds on average, over every order in which the modalities could be "
    "made known to the model. Exact: all combinations were run."
)
HELP_IG = (
    "Integrated Gradients: each measured value is moved from its baseline to what was measured, and the change of the "
    "log-odds along the way is shared out among the values."
)
HELP_STEPS = "How many points along the way are evaluated. More points: slower, and closer to adding up exactly."
HELP_REFINE = "Double the steps until the attributions add up within 5 %, or 256 steps are reached."
TRAINED_ON = (
    "A record of this name was in the model's training data: on a new patient the estimate would be less good. The "
    "figures on the Model page come from records that the scoring network had not seen."
)
NAME_A_FOLDER = (
    "Type the path of a folder with your records on the left. It may hold PhysioNet Challenge 2012 stays (.txt) or "
    "WFDB records (.hea with their signal files); it is only read."
)
TWO_QUESTIONS = (
    "The Shapley bars above start from 'nothing recorded'; the attributions here start from a neutral record with the "
    "same things recorded. They answer different questions, so a modality may point either way."
)
FROM_NEUTRAL = "log-odds from a neutral record"
AIDS: dict[str, str] = {
    "attention": "Read a row: how much this modality takes from each other one while the model mixes them.",
    "graph": "Thicker lines join modalities whose summaries look alike to the model; larger circles weigh more.",
    "gates": "How far the model lets each modality through: 0 is shut, 1 is open.",
    "weights": "Each modality's share in the fused summary; the shares add up to 100 %.",
    "split": (
        "The exact sum behind the risk: start at the bias, add the part that stands on each fused modality, arrive at "
        "the total. Modalities were mixed before, so a part may hold what another one measured."
    ),
    "shapley": "To the right raises, to the left lowers. The bars add up from 'nothing known' to this record.",
    "totals": "Attributions added up over each modality: the step from a neutral record, not from 'nothing recorded'.",
}


def baseline(zero: str) -> str:
    """Where the path of integrated gradients starts. zero: `Normaliser.zero` of the record's modalities."""
    return f"Baseline: {zero}. Which values were measured, and when, stays as it is."


def clock(seconds: float) -> str:
    """Elapsed time as HH:MM:SS, with tenths where they are not zero."""
    tenths = round(abs(seconds) * 10)
    whole, rest = divmod(tenths, 10)
    hours, minutes = divmod(whole, 3600)
    tail = f".{rest}" if rest else ""
    return f"{'-' if seconds < 0 and tenths else ''}{hours:02d}:{minutes // 60:02d}:{minutes % 60:02d}{tail}"


def signed(value: float) -> str:
    """Two digits with a sign, a true minus; what rounds to zero has none."""
    size = f"{abs(value):.2f}"
    return size if float(size) == 0 else f"{'+' if value > 0 else MINUS}{size}"


def plain(text: str) -> str:
    """Text that Markdown leaves as it is: file names and messages may hold its signs."""
    return unbroken(re.sub(r"([\\`*_{}\[\]()<>#+\-.!|$~:])", r"\\\1", text))


def unbroken(text: str) -> str:
    """A number keeps its % on the same line."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)


def compared(risk: float, base_rate: float) -> str:
    """How the risk stands to the base rate, in words."""
    if percent(risk) == percent(base_rate):
        return "about the base rate"
    times = risk / base_rate
    if times >= 1.5:
        return f"{times:.1f} times the base rate"
    return "above the base rate" if risk > base_rate else "below the base rate"
