"""Words of the charted values: how they are read, and what their limits are."""

from __future__ import annotations

TITLE = "Charted values"
HELP = (
    "What is this? Every value that was charted in the first 48 h, at the time it was charted, one small chart a "
    "variable. Where nothing was measured the model does not know more: it goes on with the last value it has read "
    "until the next one, however long that takes, and is told how old it is. Before the first measurement it takes the "
    "training average. Values within one hour reach the model as their mean, urine as its sum."
)
MOVED = "Show what moved the estimate"
HELP_MOVED = (
    "Marks each value by what it did to the estimate, with the method and settings of the Attribution page. The points "
    "are then hourly averages, as the model reads them (of urine hourly totals): a short peak is lower in them."
)
BY_METHOD = "By {}. Method and settings: Attribution page."
NOT_CHARTED = "Nothing was charted in the first 48 h."
LIMITS = "Units, limits and counts of every variable"
SOURCES = (
    "Reference interval: {}; for adults, the union of both sexes where they differ; not a treatment target. Accepted: "
    "this program's own wide physiological limits, which catch typing errors and artefacts and are no clinical "
    "thresholds."
)
HEADS = ("Variable", "Unit", "Reference interval", "Accepted", "Values charted", "Dropped")
