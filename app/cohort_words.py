"""Words of the Cohort page."""

from __future__ import annotations

WHAT = "What modalities contribute, how they are routed and how well the answers hold, over all records of an audit."
SOURCES = {"open": "The open folder", "folder": "A stored audit", "upload": "A zip file"}
HELP_SOURCE = (
    "An audit of the folder that is open on the left is made here and kept for next time. For thousands of records, "
    "`python -m amfn audit` in a terminal does the same and leaves a folder, whose path goes here. A stored audit "
    "stays chosen when the page is reloaded, as long as this tab is open; a zip file has to be named again."
)
HELP_PATH = "The folder that `python -m amfn audit … --out FOLDER` wrote: it holds manifest.json and parts."
HELP_ZIP = "A folder that `python -m amfn audit` wrote, packed as one zip file. It is gone when this session ends."
NO_PATH = "Type the path of an audit's folder above."
NO_ZIP = "Drag in the zip file of an audit above."
NOT_AUDITED = (
    "The open folder has not been audited with the open model yet. Each record is answered once for every combination "
    "of what was recorded. It can be stopped at any time by going to another page, and goes on from there."
)
STOPPED = "An audit of this folder was begun and stopped: it goes on where it was."
ANSWERED = {
    "unseen": "Records that the model was trained on are answered by networks that had not seen them; any other record "
    "by the shipped model.",
    "shipped": "All records are answered by the shipped model, those that it was trained on as well: for these, "
    "everything below looks better than it is.",
}
ONE_NETWORK = "All records are answered by one network of the model alone, those that it was trained on as well."
UNFINISHED = (
    "This audit is not finished: {missing} of {parts} parts are still to come, and are not in any figure below."
)
DEAD = "could not be audited and are in no figure below"
HELP_OPEN = "Opens the folder that was audited, as on the Data page; records can then be opened from here."
NO_REACH = "A record cannot be opened on the Patient page from here:"
SEEN_BY = {
    "fold": "The audit's answer is that of networks that had not seen this record. The Patient page shows the shipped "
    "model, which was trained on it: its answer may differ.",
    "shipped": "The audit's answer is the shipped model's, as on the Patient page.",
    "network": "The audit's answer is that of one network alone. The Patient page shows the whole model: its answer "
    "may differ.",
}
NOTHING_LEFT = "No record passes these filters."
CLICK = "Click a point to see its record."
CLICK_ROW = "Click a point to see its row of the audit."
EVEN = (
    "Colours show the direction: how much was measured is the same ({share}) wherever a modality was recorded at all."
)
NO_OUTCOME = (
    "What is below needs records whose outcome is known, and both outcomes among them. Here {labelled:,} of "
    "{records:,} have a known outcome, {positives:,} of them “{positive}”. Contributions, pairs and routing need no "
    "outcome."
)
UNKNOWN_LEFT_OUT = "{unknown:,} records whose outcome is not known are left out."
HELP_FLAGGED = (
    "The modality that is routed to most contributes less than an equal share, or routing and contribution rank the "
    "modalities in opposite ways (Fusion page, of one record)."
)
SECTIONS = {
    "contributions": "Contributions",
    "groups": "By group",
    "pairs": "Pairs",
    "channels": "Over time",
    "routing": "Routing",
    "performance": "Performance",
    "removal": "Missing data",
    "subgroups": "Subgroups",
    "records": "Records",
}
CHANNELS = {"size": "How much", "value": "Which way"}
NO_ATTRIBUTIONS = (
    "This audit holds no attributions of single measurements. To see which measurements count, and when, audit with "
    "`python -m amfn audit --attributions integrated_gradients …` into a new folder: it takes several times as long."
)
NONE_ATTRIBUTED = "The audit holds no attributions of these records."
REST = "The {listed} channels with the largest mean size. The other {rest} share {share} of all that was attributed."
COLOURS = {"observed": "How much was measured", "outcome": "Outcome", "sign": "Direction"}
BOXES = "Box: the middle half of the records; line: median; diamond and number: mean."
AIDS: dict[str, str] = {
    "beeswarm": (
        "One point for a record and modality: to the right it raised the estimate, to the left it lowered it. A record "
        "without the modality has no point."
    ),
    "strength": "How far a modality moves the estimate on average, up or down, in records that have it.",
    "groups": "Warm cells: on average the modality raises the estimate in this group; cold cells: it lowers it.",
    "one_modality": f"The same modality over the records of each group. {BOXES}",
    "pairs": (
        "What two modalities do together beyond what each does by itself: above zero they raise the estimate more, or "
        "lower it less, together than apart."
    ),
    "pair_sizes": "The same whatever the direction: effects that differ in sign between records do not cancel here.",
    "channels": (
        "What each measurement moved in each stretch of time, averaged over the records that have its modality. Time "
        "counts from the start of what the model reads: the last stretch is the latest."
    ),
    "gaps": "How far the attributions of a record are from adding up. Crossed: too far to rely on that record's.",
    "sets": "Each record is given the outcomes that cannot be ruled out; nine in ten sets should hold what came true.",
    "gates": f"How far the model lets each modality through, over records: 0 is shut, 1 is open. {BOXES}",
    "weights": f"Each modality's share in the fused summary; in one record the shares add up to 100 %. {BOXES}",
    "alpha": "Read a row: how much this modality takes from each other one while the model mixes them.",
    "graph": "How alike the model's summaries of two modalities are; a row adds up to 100 % in one record.",
    "scatter": "Were routing a measure of contribution, the points would rise from left to right.",
    "taus": (
        "Whether, in one record, a measure of routing puts the modalities in the same order as a measure of "
        f"contribution; records with fewer than three modalities are left out. {BOXES}"
    ),
    "roc": "The further towards the upper left, the better events are told from the rest.",
    "precision": "Of the records raised first, how many are events; it depends on how frequent events are.",
    "reliability": (
        "Tenths of the records. On the dotted line what was estimated is what happened; points below it were estimated "
        "too high. Bars: exact 95 % intervals (Clopper and Pearson)."
    ),
    "decision": (
        "For someone who would act from a given chance on: how many rightly placed actions a record are left after "
        "taking off the needless ones. The highest line is the best choice."
    ),
    "removal": "How well records are ranked when modalities are taken from each record at random; 0.5 is a coin.",
    "without": "What the ranking loses when one modality is taken from every record that has it.",
    "subgroups": (
        "Each subgroup beside all other records. Calibration: how far the estimates would have to move (log-odds) to "
        "match what was observed; above 0 they were too low. In brackets: 95 % intervals."
    ),
    "records": "The first {listed} records that pass the filters; the file holds all. Choose one to see it below.",
}
HELP_BAND = (
    "Shaded: pointwise 95 % interval over {draws} bootstrap samples of the records. AUROC, AUPRC and Brier score have "
    "percentile intervals from the same samples."
)
HELP_STRENGTH = (
    "Mean of the sizes of exact Shapley values, in log-odds, with its 95 % bootstrap interval. A large mean may be "
    "made of opposite directions: see the points."
)
HELP_REMOVED = (
    "From the model's stored answers to every combination of what each record has: nothing is filled in, and no model "
    "is asked again. At random removal a record keeps at least one modality; each rate is the mean of three draws. "
    "Intervals after DeLong."
)
HELP_HOLM = (
    "AUROC with 95 % intervals after DeLong; calibration by logistic regression on an intercept; observed share with "
    "the exact interval. “Differs” compares a subgroup with all other records of the same division. The p-values are "
    "adjusted over the whole table by Holm's method: it bounds the chance of a single wrong “differs” among all of "
    "them at 5 %, however the subgroups overlap. Not measured: fewer than 10 records of the rarer outcome."
)
HELP_TAU = "Kendall's rank correlation: +1 the same order, 0 unrelated, −1 reversed."
HELP_SPREAD = "The number in the middle of a cell is the mean; ± is one standard deviation between records."
HELP_CHANNELS = (
    "Attributions of single inputs, summed over each stretch: sizes do not cancel, signed sums do. Channels that are "
    "measured together share what they move, so a small one is not proof that it does not matter."
)
HELP_GAPS = (
    "Attributions should add up to the change of the estimate from nothing measured to this record. The completeness "
    "gap is what they miss, as a share of that change; where the estimate hardly changed (under 0.01 log-odds) it is "
    "the difference in log-odds instead."
)
HELP_SETS = (
    "Conformal prediction at an error rate of 10 %. A set with both outcomes says that neither can be ruled out; one "
    "with none, that the record is unlike the others; none is given where too few records had the same data recorded. "
    "In brackets: exact 95 % intervals (Clopper and Pearson). Lines by what was recorded: {least} records or more."
)
NO_SETS = "This audit holds no sets of outcomes: they are not made for one network alone, nor without calibration."
FILE_HEAD = "# Research and education only; not for diagnosis."
