"""Pure functions from values to Plotly figures, each with a text alternative. No streamlit, no torch."""

from app.figures.agreement import TauRow, places, rater_agreement
from app.figures.attribution import contributions, modality_shares, modality_totals
from app.figures.checks import cascade, planted_truth, routing_effect, seed_variance
from app.figures.compare import paired_bars, risk_pair
from app.figures.drawing import Drawing, State
from app.figures.faithfulness import deletion_insertion
from app.figures.fusion import attention, gates, weights
from app.figures.graph import modality_graph
from app.figures.guards import Unit
from app.figures.interactions import interactions
from app.figures.lattice import subset_lattice
from app.figures.logit import logit_split
from app.figures.over_time import contributions_over_time, risk_over_time, shares_over_time
from app.figures.performance import decision_curve, reliability, removal_curve
from app.figures.reality import baseline_agreement, rank_agreement, reality_check
from app.figures.risk import risk_bar
from app.figures.strip import Flaw, Mark, Strip
from app.figures.trend_panel import TrendPanel, on_shared_scales
from app.figures.trends import largest_attribution, trend_key, trends
from app.figures.waveforms import waveform_key, waveforms

__all__ = [
    "Drawing",
    "Flaw",
    "Mark",
    "State",
    "Strip",
    "TauRow",
    "TrendPanel",
    "Unit",
    "attention",
    "baseline_agreement",
    "cascade",
    "contributions",
    "contributions_over_time",
    "decision_curve",
    "deletion_insertion",
    "gates",
    "interactions",
    "largest_attribution",
    "logit_split",
    "modality_graph",
    "modality_shares",
    "modality_totals",
    "on_shared_scales",
    "paired_bars",
    "places",
    "planted_truth",
    "rank_agreement",
    "rater_agreement",
    "reality_check",
    "reliability",
    "removal_curve",
    "risk_bar",
    "risk_over_time",
    "risk_pair",
    "routing_effect",
    "seed_variance",
    "shares_over_time",
    "subset_lattice",
    "trend_key",
    "trends",
    "waveform_key",
    "waveforms",
    "weights",
]
