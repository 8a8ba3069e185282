"""Words of the Compare page."""

from __future__ import annotations

WHAT = (
    "Several models on the same records: whose answers are better, where they differ, and whether they have the same "
    "reasons. Two models can agree in their answers and differ in what moved them."
)
ANSWERED = {
    "unseen": "whole model, unseen records",
    "shipped": "whole model, all records",
}
HELP_MODELS = (
    "Two to six; the first one is the reference (A), from which differences are counted. “Whole model, unseen "
    "records”: a record of its training is answered by networks that had not seen it. “Whole model, all records”: "
    "the shipped networks answer every record. “network-0 alone”: one network of it. The networks of one model are "
    "alike but for their random start: how far they differ is what chance does."
)
ADD = "Add a model or an audit"
HELP_ADD = (
    "The folder of a checkpoint that `python -m amfn train` wrote, of this or another fusion system: it is asked about "
    "the open folder. Or the folder of a finished audit (`python -m amfn audit … --out FOLDER`)."
)
HELP_ZIP = "Folders that `python -m amfn audit` wrote, each packed as one zip file. They go when this session ends."
ADDED = "Added: {title}. It is among the chosen models."
ADDED_FULL = (
    "Added: {title}. It is not compared yet: {most} models are chosen, which is the most. Take one out above, then "
    "choose this one."
)
ADDED_ASKED = (
    "Added: {title}. It is not among the chosen models, as it answers another question than the open folder's. It can "
    "be compared with other audits of its question: choose those above, and nothing else."
)
ADDED_ELSEWHERE = "Added: {title}. It cannot be chosen beside the open folder; why is said above."
TOO_FEW = "Choose two models or more above: the first one is the reference."
NO_FOLDER = "Without an open folder only finished audits can be compared: open one on the left, or add audits below."
MAKING = (
    "{count} of the chosen models {have} not been asked about the {records:,} records of the open folder yet. Each "
    "record is answered once for every combination of what was recorded. It can be stopped at any time by going to "
    "another page, and goes on from there."
)
CHANGED = (
    "{count:,} records of the same name do not hold the same values in all audits. They are left out: a difference of "
    "data would pass for one of models."
)
CONTRADICTED = "The audits state different outcomes for {count:,} records. These outcomes count as not known."
TAUGHT = (
    "**{letters} {verb} records that {they} trained on ({count:,} of {records:,}):** figures of these look better than "
    "they are{unfair}. Choose “whole model, unseen records”, or take records that none was trained on."
)
UNFAIR = ", and the comparison with the others is not a fair one"
ONE_MODEL = (
    "All of these answers come from one model, whole or one network at a time: its networks are alike but for their "
    "random start, so that what differs here is chance."
)
UNFINISHED = "Not finished, so that only a part of the records is there:"
SECTIONS = {
    "figures": "Figures",
    "answers": "Answers",
    "reasons": "Reasons",
    "record": "One record",
}
FIGURES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
}
FIGURE_WORDS = {
    "auroc": "How well events are ranked above the rest; 0.5 is a coin, 1 is perfect. More is better.",
    "auprc": "How right the model is where it raises an estimate; by chance it is the share of events. More is better.",
    "brier": "Mean squared error of the stated chances. Less is better.",
    "calibration_error": "How far stated chances are from what happened, over ten bins. Less is better.",
}
HELP_FIGURES = (
    "95 % intervals over bootstrap samples of the records, the same samples for every model: a difference has a "
    "narrower interval than the figures themselves, as what makes a record hard for both cancels. p-values of "
    "differences are adjusted over all figures of all models by Holm's method: it bounds the chance of a single wrong "
    "“differs” among them at 5 %. The calibration error of a bootstrap sample is larger by nature; its intervals are "
    "moved by as much. Many records make small differences certain, which does not make them matter."
)
NO_OUTCOME = (
    "Figures need records whose outcome is known, and both outcomes among them. Here {labelled:,} of {records:,} have "
    "a known outcome, {positives:,} of them “{positive}”. Answers and reasons need no outcome."
)
LEFT_OUT = "{count:,} records whose outcome is not known are in no figure here."
DRAWS = "{records:,} records, {positives:,} with {noun}; {draws:,} bootstrap samples."
HELP_THRESHOLD = (
    "Who is on which side of this chance? It starts at the base rate in the training of A; set it to the chance from "
    "which you would act."
)
HELP_APART = "Mean size of the difference between the two chances, with its 95 % bootstrap interval."
HELP_OPPOSITE = "One model at or above the threshold, the other below it; with the exact 95 % interval."
HELP_LEVELS = (
    "Mean size of the difference in a subgroup (95 % t interval) beside all other records. “Differs”: Welch's t test, "
    "adjusted over the whole table by Holm's method. Subgroups with fewer than 10 records are left out. The first row "
    "is the largest of many: without a “differs” it may be first by chance."
)
HELP_TAU = (
    "Kendall's tau-b, for each record over the modalities it has: +1 the same order of importance in both models, 0 "
    "unrelated, −1 reversed. Importance: the size of the exact Shapley value, or the share of routing. Records with "
    "fewer than three modalities are left out."
)
HELP_CROSSED = (
    "Answers are alike where both models stand on the same side of the threshold. Reasons are alike from a Kendall's "
    "tau of 0.5 on: three of four pairs of modalities stand in the same order of importance."
)
HELP_SPEARMAN = (
    "Over records that have the modality: does a high Shapley value in one model go with a high one in the other? "
    "+1: always; 0: not at all; −1: the other way round."
)
MEASURES = {"shapley": "Contribution (Shapley)", "weight": "Fusion weight (β)", "attention": "Attention (α)"}
LACKING = "Left out, as the system has no such thing: {names}."
ONE_HAS = "Fewer than two of these models have this measure: there is nothing to compare."
TWINS = (
    "Single networks of one model, alike but for their random start, agree at {medians} of {said}: this much of a "
    "difference is chance of the training."
)
CLICK = "Click a point, or choose a row of the table, to see that record in all models below."
ASK = "Type a record's name above, or choose one under “Answers”."
SEEN_BY = (
    "The Patient page shows the whole shipped model, with the record's signals: its answer may differ from those here."
)
NO_REACH = "This record cannot be opened on the Patient page from here:"
AIDS = {
    "figures": (
        "Each model's figure, and what it differs by from A. An interval is for that one comparison; p is adjusted for "
        "all comparisons of this table (Holm), and whether a model “differs” follows p, not the interval."
    ),
    "difference": (
        "Right of the line the figure is higher than A's. Each interval is for one comparison alone; the verdict, with "
        "p adjusted for all, is in the table."
    ),
    "scatter": "On the dotted diagonal both say the same. Shaded: on opposite sides of the threshold.",
    "sizes": "How far the two answers lie apart, in percentage points.",
    "furthest": "The records in which the two answers lie furthest apart.",
    "levels": "Where the two differ more than elsewhere.",
    "matrix": "Kendall's tau over records: +1 the same order, 0 unrelated, −1 reversed.",
    "spread": "How alike the two orders are, from record to record.",
    "crossed": "Two models can agree in the answer and differ in what moved it: upper right.",
    "spearman": "Modality by modality: do the two models' contributions go up and down together over records?",
    "risk": "The same record as each model sees it.",
    "shapley": "To the right raises, to the left lowers, in each model.",
    "weight": "Each modality's share in the fused summary of each model. Routing, not contribution.",
    "attention": "What the other modalities take from each one while the model mixes them. Routing, not contribution.",
    "matrices": "Read a row: how much this modality takes from each other one.",
}
FILE_HEAD = "# Research and education only; not for diagnosis."
