"""The words of the Teaching page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.teaching_rooms import Pace

SIMULATED = "Simulated patients: nobody stands behind any record of this lesson."
INTRO = (
    "Short lessons on what such a model does and where it misleads, for one person or a class. You commit to your own "
    "estimate before the model is shown."
)
HELP_START: Mapping[Pace, str] = MappingProxyType(
    {
        "alone": "Only you, step by step. Nobody else sees your answers.",
        "led": "Opens a room: learners join by link or code and see the step that you show.",
        "own": "Opens a room: learners join by link or code and go through the steps by themselves.",
    }
)
EXAMPLE = "HKN47R"
HELP_CODE = "Six letters and digits, from whoever leads the lesson. Blanks, dashes and small letters do not matter."
CLOSED_TO_NEW = "This room is closed: nobody can join it any more. Ask whoever leads the lesson for a new one."
STORED = (
    "What you answer is kept on the computer that runs this program, under a name drawn by chance. Your own name is "
    "not asked for. You can take your answers with you, and erase them, at any time below."
)
KEEP_LINK = (
    "You lead this room in this tab. To lead it from another browser, copy your own link and keep it to yourself: "
    "it holds the room's key."
)
THIS_COMPUTER = (
    "The link works on this computer only. For other computers start the program with `make run ADDRESS=0.0.0.0` and "
    "open it by this computer's address in the network; the link then holds that address."
)
ROOM_OF_LEADER = "Learners open the link, or the Teaching page and type the code."
HELP_ESTIMATE = "From 0 (certainly not) to 100 (certainly). Nothing is preset, so that no number pulls yours."
HELP_REVISE = "From 0 (certainly not) to 100 (certainly). Your first estimate stands here; change it or keep it."
HELP_RANKING = "Choose one after the other, what counts most first. What you leave out shares the place after the last."
COMMIT, REVISE, ANSWER = "Commit", "Keep this as my final estimate", "Answer"
NO_ESTIMATE = "Type an estimate from 0 to 100 first. Nothing was sent yet."
NO_RANKING = "Choose at least two modalities in order first. Nothing was sent yet."
NO_CHOICE = "Choose one of the answers first. Nothing was sent yet."
NOT_KEPT = "**Your answer was not kept.** What you entered still stands here: try again in a moment."
FIRST_COUNTS = "You had answered this before, perhaps in another window. The first answer counts:"
COMMIT_FIRST_OWN = "That step shows the model's answer. Commit to your own estimate first; then the model is shown."
COMMIT_FIRST = "The room is further on. Commit to your own estimate first; then the model is shown."
MOVED_ON = "Your teacher has moved on to step {}."
KEPT_WAITING = "Your answer is kept. The next step opens by itself when your teacher goes on."
WAITING = "Your teacher leads. The next step opens by itself."
CLOSED = "This room is closed: no more answers are taken. You can still read everything and see the debrief."
CHANGED = (
    "The lesson's file was changed after this room was opened. Steps and answers may no longer fit together: open a "
    "new room."
)
NOT_LEADER = "This link holds a key that does not open this room, so that it cannot be led from here. You can join it."
ORDERS = "The mean place of each modality in the room's orders; the longest bar comes first."
BESIDE = "Beside it, how far it moved the model's log-odds: up with a plus, down with a minus."
ORDERS_TOLD = f"{ORDERS} {BESIDE}"
ORDER_ALONE = f"The place that you gave each modality; the longest bar comes first. {BESIDE}"
SIDEWAYS = "**Where the paper is wider than the screen, scroll it sideways: it opens at its right end.**"
OWED = (
    "The debrief shows what the model said of every record, and what happened. Commit to your own estimates first; "
    "then it opens. Still to be committed: {steps}."
)
GO_COMMIT = "Go to the first of them"
ONE_PERSON = (
    "This room is for one person, who opened it: it cannot be joined. Start the lesson yourself from the list of "
    "lessons, or ask whoever leads a class for the code of its room."
)
WRONG_CODE = f"A room code has six letters and digits, such as {EXAMPLE}. Type it here:"
NOT_ANSWERED = "You have not committed to an estimate yet."
NOBODY_YET = "Nobody has answered this yet."
HIDDEN_UNTIL = "Estimates are shown when the model is, so that they pull nobody."
HELP_FITTED = "Off: life size, 25 mm/s and 10 mm/mV on a screen of 96 pixels per inch, to be scrolled sideways."
ROUTING = "Routing, not contribution: it says what is passed on, not what moved the estimate."
CARD_LEARN = "What one learns"
ERASED = "Erased: {} answers, {} comments and the place in the room. The access log keeps the random id only."
BRIER = (
    "Mean squared difference between estimate and outcome: 0 is perfect, always saying 50 % gives 0.25 (Brier 1950)."
)
HELP_CHANGE_ALONE = "After less before: below zero is better with the model. For one person there is no interval."
HELP_CHANGE = (
    "After less before: below zero is better with the model. The interval comes from drawing learners again and again "
    "with replacement (95 %, percentiles). With few learners and records it is wide, and rightly so."
)
HELP_SWITCH = (
    "Of the answers whose first estimate lay on the other side of {side} % than the model's, those whose last one lies "
    "on the model's (switch fraction: Yin et al. 2019; Zhang et al. 2020)."
)
HELP_RAIR = (
    "Relative AI reliance: wrong at first while the model was right; how many ended right (Schemmer et al. 2023)."
)
HELP_RSR = (
    "Relative self-reliance: right at first while the model was wrong; how many stayed right (Schemmer et al. 2023)."
)
FEW_PEOPLE = "The interval rests on {people} people: it is not to be relied on."
UNDECIDED = (
    "Left out of the three shares: {answers} of the answers, on records ({records}) of which the lesson showed that "
    "the model rules out neither outcome at an error rate of 10 %. Such an estimate is no decision."
)
HELP_TAU = (
    "Kendall's rank correlation between the order that somebody chose and the size of the model's contributions: +1 "
    "the same order, 0 unrelated, −1 reversed. The mean over all who chose one."
)
FEW = "Simulated {noun}: {records}. Enough to talk about, and too few to judge anybody, or the model."
ROLES: Mapping[str, str] = MappingProxyType(
    {"cause": "Planted cause", "evidence": "Seen in another signal", "transient": "Planted, and it passed"}
)
VIEW_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "recorded": "What was recorded",
        "signal": "The record",
        "measured": "Measured at least once",
        "estimate": "The model's estimate",
        "certainty": "How sure",
        "contributions": "Contribution of each modality (Shapley values)",
        "attention": "Attention (α)",
        "weights": "Fusion weights (β)",
        "reality": "Routing beside contribution",
        "without": "Without {}",
        "unmeasured": "Had it never been measured",
        "outcome": "How this record was made",
    }
)
