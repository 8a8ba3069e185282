"""Words on the screen that are used in more than one place, and the plain formatting of numbers and times."""

from __future__ import annotations

import math
import re
from html import escape as escape

from explain.narrative import percent as percent

MINUS = "\N{MINUS SIGN}"
DISCLAIMER = "Research and education only; not for diagnosis."
LIST_HIDDEN = (
    "The list of records is out of sight here, as it shows the model's estimates: your own answer comes first. It is "
    "back when you leave."
)
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
HELP_STEPS = "How many points along the way are evaluated. More points: slower, and closer to adding up exactly."
HELP_REFINE = "Double the steps until the attributions add up within 5 %, or 256 steps are reached."
STRIP_COLUMNS: dict[str, str] = {
    "Recorded": (
        "how many hours of the stay hold a value; of a signal, how much of what the model saw can be used: not absent, "
        "flat, clipped or noisy. What is missing is hatched, and never counted as zero."
    ),
    "Contribution": (
        "what the modality added to the log-odds of the estimate, exactly (Shapley value, Attribution page). This "
        "column says what moved the estimate."
    ),
    "Gate γ": "how far the model lets the modality through, 0 % is shut. Routing, not contribution (Fusion page).",
    "Weight β": "its share in the fused summary; all of them make 100 %. Routing, not contribution (Fusion page).",
}
NAME_A_FOLDER = (
    "Type the path of a folder with your records on the left, or drag files in on the Data page. A folder may hold "
    "WFDB records (.hea with their signal files), PhysioNet Challenge 2012 stays (.txt), CSV waveforms or MEDS files; "
    "it is only read."
)
LINK_PROBLEMS = "Not everything of the link could be opened:"
LINK_ELSEWHERE = (
    "The record that this link means is not in this folder. A link holds no path and no record name, only a hash of "
    "both: name the folder as it was named when the link was made, or choose a record on the left."
)
LINK_TO_FOLDER = (
    "This link opens a record of a folder that was named, or of files that were dragged in; those went with their "
    "session and have to be dragged in again."
)
TWO_QUESTIONS = (
    "The Shapley bars above start from 'nothing recorded'; the attributions here start from the baseline, with the "
    "same things recorded. They answer different questions, so a modality may point either way."
)
FROM_BASELINE = "log-odds from the baseline"
FROM_SEGMENTS = "log-odds, each stretch taken out by itself"
ONE_AT_A_TIME = (
    "Each stretch is taken out by itself while all others stay: what two of them say together is counted for neither "
    "or for both. So the totals need not match the Shapley bars above."
)
HELP_EACH_VALUE = (
    "What single measured values did to the estimate. There is more than one way to ask, and none of them is the "
    "truth: each comes with what was measured of its own error."
)
HELP_METHOD = (
    "A method that did not pass a check on this model is offered and marked: with care it may still be worth a look."
)
HELP_BASELINE = (
    "What the values are compared with: an attribution says what this record adds to its baseline, so another baseline "
    "is another question. How much the answer hangs on it can be seen below."
)
BASELINES: dict[str, str] = {
    "zero": "Average",
    "median": "Training medians",
    "sample": "Other records",
}
HELP_MISSING = (
    "Also asks, for each stretch in which nothing was charted, what one usual value measured there would have changed. "
    "It takes the stored report on this model's explanations, which knows what is usual."
)
NOT_MADE = (
    "Each variable once, where one usual value would have changed most. Above zero: that nothing was measured there "
    "raised the estimate, compared with that value; below zero: it lowered it. Nobody knows what a measurement would "
    "have shown."
)
UNSIGNED = (
    "This method gives sizes without a direction: it cannot say whether a value raised or lowered the estimate, and "
    "there is no sum that could add up."
)
NO_PROMISE = "This method does not promise to add up to the change of the log-odds."
NOT_AUDITED = "This model has no stored report on its explanations."
CHECKS_FAILED: dict[str, str] = {
    "adds_up": "does not add up on this model",
    "faithful": "does not match what this model does",
    "weights": "does not depend on the learned weights",
    "labels": "does not depend on the true labels",
}
BASELINE_EFFECT = (
    "The same method from each baseline that is at hand. Where the orders agree, the choice of a baseline hardly "
    "matters for this record; where they do not, no order should be relied on."
)
HELP_FAITHFUL = (
    "Stretches of the record are taken out in the order in which the attribution names them, and in five random "
    "orders. If it names what the model uses, the estimate moves sooner than by chance."
)
REPLACEMENTS: dict[str, str] = {
    "not measured": "As if never measured",
    "zero": "Zero instead",
    "median": "Training medians instead",
    "sample": "Other records instead",
}
MEASURES: dict[str, tuple[str, str]] = {
    "comprehensiveness": ("Lost without what it names first", "more is better"),
    "sufficiency": ("Still lacking with only what it names first", "less is better"),
    "CPD": ("Total change while the strongest half goes", "more is better"),
    "CPP": ("Total change while the weakest half goes", "less is better"),
}
HELP_MEASURES = (
    "In percentage points of the predicted direction's probability (ERASER, DeYoung et al. 2020; CPD and CPP, Jang et "
    "al. 2025). “Better than” counts the random orders that the attribution beats."
)
DO_NOT_READ = "Do not read the fusion weights as reasons here."
HELP_REALITY = (
    "What the model passes on (routing) beside what moved its estimate (contribution). Each bar is a part of the "
    "largest one in its column. Contributions are shown as sizes; their signs are on the Attribution page."
)
HELP_CHECKS = (
    "Each attribution method was tried on this model before it was offered: whether its values add up to the change "
    "they explain, whether taking away what it names first changes the estimate more than taking away anything else, "
    "whether it changes when what the model learned is made random, and whether it names a cause that was put into "
    "simulated records more often than chance would."
)
HELP_PLANTED = (
    "In simulated records one stretch of one modality causes the outcome. To find it takes a method that reads the "
    "model well, and a model that uses the right evidence: a method that is faithful to a model which looks elsewhere "
    "has to miss it."
)
NO_REPORT = (
    "Nobody has measured this model's explanations yet: read them with care. `python -m amfn audit-explanations` with "
    "the checkpoint's folder and its training records writes the report that belongs here."
)
IG = "Integrated Gradients"
SPLIT_PENDING = "Which single values moved it most is being worked out …"
ORIGINS: dict[str, str] = {
    "Shapley": (
        "From the model's answer to the whole record, and from how often the outcome occurred in training. "
        "Contributions: exact Shapley values over all {subsets} combinations of what was recorded (Attribution page)."
    ),
    "risk without": "From the model's answer to the same record with this one taken away (What-if page).",
    "seconds seen": (
        "From the signal quality of the window that the model reads, of the best lead of each (the strip below). "
        "Indices are no diagnosis: a rhythm without beats can look like noise or a flat line."
    ),
    "lowest network": "From each network's own answer to this record.",
    "similar records": (
        "From the training records with the nearest estimates, each estimated by networks that had not seen it; exact "
        "binomial interval."
    ),
    "error rate": "From the conformal set at the error rate that is chosen below.",
    "modalities that disagree": "From fusion weights beside Shapley values (Fusion page).",
    "gap": "From what the attributions add up to, beside the change that they should add up to (Attribution page).",
    "sane": "From the stored report on this model's explanations (Model page).",
    "warnings": "From what was noticed while reading the record.",
    "trained on": "From the list of records that the model was trained on.",
    "modalities recorded": "From what was recorded (the strip below).",
    "risk": "From the model's answer to this record, and from how often the outcome occurred in training.",
    IG: (
        "From Integrated Gradients over every value that the model reads, added up over time (Attribution page). First "
        "and last values are the record's own, averaged over an hour as the model reads them."
    ),
}
OPEN_FOLDER = (
    "Only the open folder is searched: the records that the model was trained on are not part of this program. Alike "
    "means that the model sees them alike, among records with the same things recorded."
)
HELP_DISTANCE = (
    "How far apart two records lie in the model's own summary of them; 1 is about the spread of the whole folder. "
    "'Usual' is how far the neighbours of the other records lie from these."
)
SMALLEST_CHANGE = (
    "What would have to be missing, or to have been measured otherwise, for the estimate to stand on the other side of "
    "a threshold? The threshold starts at the base rate, what one would guess knowing nothing of this patient; move it "
    "to the chance from which you would act."
)
NOT_ADVICE = (
    "This is what the model would have said of such a record, and no advice on treatment: to change a value is not to "
    "change the patient, and the model does not know what causes what."
)
HELP_PLAUSIBLE = (
    "Changes stop at the range that nearly all training records keep. Switched on, they may go on to the physiological "
    "limits; an answer that does so is marked."
)
NO_RANGES = (
    "This model has no stored report on its explanations, so that the usual range of charted values is not known and "
    "they are not changed. `python -m amfn audit-explanations` writes it."
)
ALARM_TYPE_LAST = (
    "The type of the alarm is known only when it sounds, so that the last step is partly this news. Moments by which "
    "too little signal had come are left out."
)
AIDS: dict[str, str] = {
    "lattice": (
        "Every combination of what was recorded is a point: to the right more is known, higher up the estimate is "
        "higher. The ring marks the combination that is switched on above; click a point to switch to it."
    ),
    "over_time": (
        "What the model says from what was known by then. It was trained on whole records: an earlier estimate is its "
        "answer to a shorter record, in which nothing more was measured."
    ),
    "trust": "One row a method. A method that did not pass is still offered, and marked wherever it is used.",
    "planted": "How often the strongest modality is one in which the cause was planted; hollow: no better than chance.",
    "cascade": (
        "From left to right more and more of the model is made random. A method that explains the model has to change: "
        "its line should fall below the dotted level, at which two trained networks agree."
    ),
    "routing_effect": "How far the estimate moves when attention or fusion weights are exchanged for others.",
    "routing_spread": "How different the routing can be while the answer stays the same.",
    "interactions": (
        "What a modality does by itself, and what two of them do together beyond that: above zero they raise the "
        "estimate more, or lower it less, together than apart; below zero it is the other way round."
    ),
    "contributions_over_time": "What each modality had added by then, from nothing but what was known by then.",
    "shares_over_time": "How the model let modalities through, and weighed them, while the record unfolded.",
    "reality": "Routing is what the model passes on; contribution is what moved its estimate. They need not agree.",
    "agreement": "Whether a measure of routing puts the modalities in the same order as a measure of contribution.",
    "baselines": "Agreement of the order of all stretches: +1 the same, 0 unrelated, −1 reversed.",
    "faithful": "Does the estimate move sooner when what the attribution names first is taken away first?",
    "totals_by_stretch": "What the estimate loses without each stretch, added up over the stretches of a modality.",
    "sizes": "How the method's sizes are spread over the modalities; they have no direction.",
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


def sounded(seconds: float, assumed: bool) -> str:
    """When an alarm sounded, or was said by the user to have."""
    return f"assumed alarm at {clock(seconds)}" if assumed else f"the alarm sounded at {clock(seconds)}"


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


def points(share: float) -> str:
    """A change of a probability in percentage points, two digits and a true minus."""
    return signed(100 * share)


def infidelity(squared: float) -> str:
    """What the measure of Yeh et al. (2019) says. squared: mean square of what was missed, log-odds squared."""
    return (
        f"Where random stretches are replaced, the attribution foretells the change of the log-odds with an error of "
        f"{math.sqrt(squared):.2f} (root mean square; infidelity, Yeh et al. 2019)."
    )
