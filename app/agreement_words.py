"""Words of the Agreement page. They name no modality and no measure as the better one: a study asks, it does not teach.

What is a routing measure is called one here as everywhere: what the model passes on, not what moved its estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from explain.raters import NO_VARIATION, NOBODY_SHARES
from explain.reality import CONTRIBUTION, ROUTING, Measure

INTRO = (
    "Do clinicians look first at what the model leans on? Raters put the modalities of a record in order **before** "
    "they see anything of the model; then both orders stand side by side."
)
HELP_INTRO = (
    "What is this? A small study. Everybody sees the same records, without the model's estimate, contributions or "
    "routing, and ranks what was recorded. The first answer counts. At the end Kendall's tau says how far the rankings "
    "agree with each measure of the model, and Krippendorff's alpha how far the raters agree with each other."
)
JOIN, START, LEAD = "Take part", "Start a study", "Lead a study that is already open"
CODE_HELP = "Six letters and digits, from whoever leads the study. Case, blanks and dashes do not matter."
START_FROM = "From: **{place}**, question **{question}** (choose others on the left). {count} records are listed there."
WHO_SEES = (
    "Whoever has the code can look at the study's records through this program, without their outcomes and without a "
    "path. The code and record names are kept in this program's store; the folder's path is not."
)
REVEAL_WHEN = "Show the model's order"
REVEALS: Mapping[Literal["each", "all"], str] = {"each": "After each record", "all": "When all are ranked"}
HELP_REVEAL_WHEN = (
    "After each record a rater can say at once where they disagree, but learns what the model goes by. When all are "
    "ranked, every ranking of the study is blind to the model."
)
NOT_BLIND = (
    "Only each rater's first ranking is wholly blind then: whoever has seen the model's order of one record may rank "
    "the next ones in its light."
)
SEEN_BEFORE = (
    "Raters saw the model's order of each record once they had ranked it: all but each rater's first ranking were made "
    "knowing how the model had ordered earlier records, and are not wholly blind to it."
)
SEEN_AFTER = "Raters saw nothing of the model until they had ranked all records."
LATER = "**Your ranking is kept.** In this study the model's order is shown when you have ranked all records."
CLOSING = (
    "No more answers are taken then, and it cannot be opened again. What a rater has not committed by then is not "
    "kept. All that was committed can still be read."
)
ANONYMOUS = (
    "You get an anonymous name. Kept are your rankings, your estimates and comments with that name and the time, "
    "nothing else of you. Please do not look at the records on other pages until you have ranked them: those show what "
    "the model says."
)
HELP_DRAW = (
    "The same seed draws the same records from the same folder. Records with fewer than three modalities are passed "
    "over."
)
HELP_SEED = "Any whole number. It is there so that the draw can be repeated."
LINK = "The link takes raters straight to the study."
KEY_TITLE = "Your key as leader"
KEY = (
    "`{key}`  \nThis tab knows it as long as it is open. Note it down to lead the study from elsewhere: it is not kept "
    "anywhere, only a hash of it is."
)
FOLDER_WANTED = (
    "This study is about records of a folder, and the program has not been told where it lies since it was started. "
    "Type its path; the records themselves are compared with those of the study."
)
HELP_LEAVE = (
    "This tab forgets your place in the study. What you have committed is kept; who joins again counts as somebody "
    "else."
)
FOLDER_HELP = (
    "A folder on the computer that this program runs on. It is only read, and its records are compared with those of "
    "the study. Empty: where the leader said."
)

QUESTION = "Which of these would you look at first to judge the chance of {noun}?"
HOW = "1 is what you would look at first. The same place twice is allowed; what gets no place comes last."
HELP_RANKING = (
    "There is no right answer. Rank what you would look at, not what you think the model uses. What was not recorded "
    "is not asked. Press a number again to take it back."
)
ESTIMATE = "Your own estimate of this chance, % (optional)"
CONFIDENCE = "How sure are you of it? (optional)"
NOTHING_RANKED = "Give at least one place."
ALL_EQUAL = "All have the same place: such a ranking is kept, but no agreement can be worked out from it."
COMMIT = "Commit this ranking"
HELP_COMMIT: Mapping[Literal["each", "all"], str] = {
    "each": "The first answer counts: it cannot be changed afterwards. Then the model's order is shown.",
    "all": "The first answer counts: it cannot be changed afterwards. The model's order is shown at the very end.",
}
ALREADY = "**This record was already ranked**, and the first answer counts. It stands below, as it was kept."

REVEAL = "Your order beside the model's"
HELP_REVEAL = (
    "Contribution (Shapley value) is how far a modality moved the model's estimate, up or down. The fusion weight is "
    "routing: how much of a modality the model let into its summary, which need not move the estimate. A larger number "
    "of either comes first."
)
NOT_CONTRIBUTION = "Attention, centrality, gate and fusion weight are routing, not contribution."
TAUS = "Agreement on this record (Kendall's tau)"
HELP_TAU = (
    "Kendall's tau counts pairs of modalities: +1 where both put every pair in the same order, −1 where every pair is "
    "reversed, 0 where as many agree as do not. Equal places are allowed for (tau-b). With few modalities one record "
    "says little: with three, every sixth random order agrees in full."
)
COMMENT = "Where you disagree: what would you say?"
HELP_COMMENT = (
    "Optional; it is kept beside your ranking, and whoever sees the results can read it. No names of patients, please."
)
OWN = "My answers: take them along, erase them"
KEPT = (
    "Kept are your rankings, estimates and comments under your anonymous name. Erased answers are gone from all "
    "results; the access log keeps only that something was erased."
)
ERASE = "Everything that you answered in this study goes, and cannot be brought back."
NEXT, RESULTS, BACK = "Next record", "To the results", "Previous record"
DONE = "**You have ranked {records}, which is all of this study. Thank you.**"
NOT_YET = "Results are shown when you have ranked all records: they would tell what the model says of the rest."

SMALL = (
    "**A small sample: {raters} and {records}.** With fewer than {few_raters} raters or {few_records} records the "
    "intervals are too narrow for what they rest on (below {least} of either none is shown), and one rater or one "
    "record can turn a result. Read the figures as a description of these answers."
)
HELP_POOLED = (
    "What is this? The diamond is the mean of Kendall's tau over all rankings, with its 95 % interval: raters and "
    "records are both drawn anew 2,000 times, as either could have been others. Small circles are raters, each the "
    "mean of their records. The grey band is chance: where the mean lies in 95 of 100 studies in which, record by "
    "record, the names of the modalities are dealt out at random, alike for all raters, so that what raters share does "
    "not count as agreement with the model. A diamond inside the band says nothing."
)
HELP_P = (
    "How often rankings dealt at random agree, or disagree, at least as much. As several measures are tested, the p "
    "value is adjusted (Holm): below 0.05, at most one study in twenty would call any measure agreeing by chance alone."
)
ALPHA = "Agreement of the raters with each other (Krippendorff's alpha)"
HELP_ALPHA = (
    "What is this? 1: all raters gave the same places; 0: no more alike than chance gives; below 0: less. Krippendorff "
    "asks for 0.80, and takes 0.67 as the least for a tentative conclusion. Places count as an order (ordinal level); "
    "the 95 % interval draws records anew. Where raters do not agree with each other, a model cannot agree with "
    "them all."
)
NO_ALPHA: Mapping[str, str] = {
    NOBODY_SHARES: "It takes a record that two raters have ranked.",
    NO_VARIATION: "All modalities were given the same place: there is nothing to compare.",
}
UNDEFINED = (
    "Undefined taus are left out and counted: of rankings with one place for all, and of measures that are the same "
    "for all modalities or that this model does not have."
)
DISAGREEMENTS = "Largest disagreements"
HELP_DISAGREEMENTS = (
    "Modalities that a rater put further up or down than the model does, by the measure that is chosen. Neither is "
    "right for that: it is where to look, and to talk about."
)
NOBODY_YET = "Nobody has committed a ranking yet."
CLOSED = "This study is closed: no more answers are taken."
WAS_CLOSED = (
    "**This study was closed by whoever leads it.** What you had committed counts; what you had not committed was not "
    "kept. You can look at the results now."
)
KINDS: Mapping[Measure, str] = dict.fromkeys(ROUTING, "routing") | dict.fromkeys(CONTRIBUTION, "contribution")


def counted(count: int, what: str) -> str:
    """'1 rater', '3 raters'."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
