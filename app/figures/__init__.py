"""Pure functions from values to Plotly figures, each with a text alternative. No streamlit, no torch."""

from app.figures.attribution import contributions, modality_totals
from app.figures.compare import paired_bars, risk_pair
from app.figures.drawing import Drawing, State
from app.figures.fusion import attention, gates, modality_graph, weights
from app.figures.logit import logit_split
from app.figures.performance import decision_curve, reliability, removal_curve
from app.figures.risk import risk_bar
from app.figures.strip import Strip
from app.figures.trends import TrendPanel, largest_attribution, trend_key, trends
from app.figures.waveforms import waveform_key, waveforms

__all__ = [
    "Drawing",
    "State",
    "Strip",
    "TrendPanel",
    "attention",
    "contributions",
    "decision_curve",
    "gates",
    "largest_attribution",
    "logit_split",
    "modality_graph",
    "modality_totals",
    "paired_bars",
    "reliability",
    "removal_curve",
    "risk_bar",
    "risk_pair",
    "trend_key",
    "trends",
    "waveform_key",
    "waveforms",
    "weights",
]
