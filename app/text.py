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
HELP_NETWORKS = (
    "Several networks were trained on the same data from different random starts; the estimate is made of all of them. "
    "Where they differ much, chance in the training decides a part of the answer. Where they agree they can still all "
    "be wrong: what the data lack, none of them knows."
)
HELP_HEADS = "A network mixes modalities in several ways at once, called heads."
HELP_SIMILAR = (
    "The training records whose estimate came closest to this one, each estimated by networks that had not seen it: "
    "how many of them had the outcome. The interval is the exact binomial one (Clopper and Pearson)."
)
HELP_SETS = (
    "An outcome is ruled out where an estimate like this would be unusual among the training records that had it and "
    "of which the same things were recorded. Each outcome is asked on its own (conformal prediction). Where there are "
    "too few such records, the answer is refused."
)
HELP_ERROR_RATE = (
    "How often, in records like those of the training, the true outcome may be ruled out. A smaller rate gives more "
    "cautious answers. How often it happened stands on the Model page."
)
ONE_NETWORK = "This model is a single network, so there is nothing to compare."
NO_CALIBRATION = "This model came without stored answers to its training records."
TOO_FEW = "too few"
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
    "The Shapley bars above start from 'nothing recorded'; the attributions here start from the baseline, with the "
    "same things recorded. They answer different questions, so a modality may point either way."
)
FROM_BASELINE = "log-odds from the baseline"
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
    "reliability": (
        "Tenths of the training records, each estimated by networks that had not seen it. On the dotted line what was "
        "estimated is what happened; points below it were estimated too high. Bars: exact 95 % intervals."
    ),
    "decision": (
        "For someone who would act from a given chance on: how many rightly placed actions a record are left after "
        "taking off the needless ones, at the price that this chance puts on them. The highest line is the best choice."
    ),
    "coverage": (
        "How often the outcome that came true was among those not ruled out; each fifth of the records was compared "
        "with the other four. It should be about 100 % less the error rate, for either outcome. What was recorded in "
        "fewer than 20 records has no line of its own."
    ),
    "subgroups": "The same figures within parts of the records; nothing is measured where too few had an outcome.",
    "removal": "How well records are ranked when modalities are taken away at random; 0.5 is a coin.",
    "totals": "Attributions added up over each modality: the step from the baseline, not from 'nothing recorded'.",
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
