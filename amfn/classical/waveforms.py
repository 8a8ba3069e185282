"""Summary features of waveforms: level, spectrum, autocorrelation and beats of each lead."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from amfn.batch import FLAT
from amfn.encoders import SpectralSummary
from amfn.types import ModalitySpec

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BEATS = ("beats", "interval_median", "interval_min", "interval_max", "last_gap", "beat_height_spread")
QRS_HZ, PULSE_HZ = (5.0, 20.0), (0.5, 8.0)
REFRACTORY_S = 0.25
CHUNK = 4096


def waveform_features(
    spec: ModalitySpec, values: Float[np.ndarray, "n t c"], context: Float[np.ndarray, "n 2 c"] | None
) -> dict[str, np.ndarray]:
    """Statistic -> f64[N, C], NaN for a lead that was not recorded.

    Per 4 s segment (hop 2 s) the log band powers and autocorrelation that the waveform encoder's spectral path reads;
    their mean and maximum over segments and the last one's. Quantiles of the physical values, and of the values scaled
    by what came before the window. Beats: count, intervals in seconds (the gaps at both ends count as such), the time
    from the last beat to the end, and the spread of beat heights over their median.
    """
    width = values.shape[2]
    rate = spec.rate_hz or 1.0
    seen = ~np.isnan(values)
    there = seen.any(1)
    scaled = _scaled(spec, values, context)
    columns = {}
    with np.errstate(invalid="ignore"):
        for name, block in (("quantile", values), ("relative", scaled)):
            # Leads that were not recorded would only make numpy warn of rows without a number.
            filled = np.where(there[:, None], block, 0.0)
            for q, level in zip(QUANTILES, np.nanquantile(filled, QUANTILES, axis=1), strict=True):
                columns[f"{name}_{q:g}"] = level
    columns["observed"] = seen.mean(1)
    signal = np.where(seen, scaled, 0.0).astype(np.float32)
    spectra = _spectra(signal, rate)
    beats = np.stack([_beats(signal[..., c], rate, spec.channels[c].unit == "mV") for c in range(width)], 1)
    columns |= {f"{part}_{k}": block for part, rows in spectra.items() for k, block in enumerate(rows)}
    columns |= {name: beats[..., k] for k, name in enumerate(BEATS)}
    return {name: np.where(there, block, np.nan) for name, block in columns.items()}


def _scaled(spec: ModalitySpec, values: np.ndarray, context: np.ndarray | None) -> np.ndarray:
    """Minus centre, over spread: those before the window where known, else the window's own."""
    filled = np.where(np.isnan(values).all(1, keepdims=True), 0.0, values)
    low, centre, high = np.nanquantile(filled, (0.05, 0.5, 0.95), axis=1)
    spread = (high - low) / 2
    if context is not None:
        known = np.isfinite(context).all(1)
        centre, spread = np.where(known, context[:, 0], centre), np.where(known, context[:, 1], spread)
    floor = np.array([FLAT.get(channel.unit, 1e-3) for channel in spec.channels])
    return (values - centre[:, None]) / np.maximum(spread, floor)[:, None]


def _spectra(signal: Float[np.ndarray, "n t c"], rate: float) -> dict[str, np.ndarray]:
    """ "mean" | "max" | "last" over segments -> f32[F, N, C]."""
    summary = SpectralSummary(rate, 4, 0.0)
    n, steps, width = signal.shape
    padded = np.pad(signal, ((0, 0), (0, max(0, summary.size - steps)), (0, 0)))
    segments = torch.from_numpy(padded).unfold(1, summary.size, summary.hop)  # n s c w
    flat = segments.reshape(-1, summary.size)
    with torch.inference_mode():
        found = torch.cat([summary.features(flat[k : k + CHUNK]) for k in range(0, len(flat), CHUNK)])
    rows = found.view(n, segments.shape[1], width, -1).numpy()
    parts = {"mean": rows.mean(1), "max": rows.max(1), "last": rows[:, -1]}
    return {part: np.moveaxis(block, -1, 0) for part, block in parts.items()}


def _beats(signal: Float[np.ndarray, "n t"], rate: float, electrical: bool) -> Float[np.ndarray, "n b"]:
    """BEATS of one lead. An ECG is turned into the energy of its QRS band first (Pan & Tompkins 1985)."""
    low, high = QRS_HZ if electrical else PULSE_HZ
    trace = sosfiltfilt(butter(2, (low, min(high, 0.45 * rate)), "bandpass", fs=rate, output="sos"), signal, axis=1)
    if electrical:
        trace = uniform_filter1d(trace**2, max(1, round(0.12 * rate)), axis=1)
    seconds = signal.shape[1] / rate
    rows = np.empty((len(signal), len(BEATS)))
    for row, line in enumerate(trace):
        height = np.quantile(line, 0.98)
        found, _ = find_peaks(line, height=max(0.3 * height, 1e-6), distance=max(1, round(REFRACTORY_S * rate)))
        times = found / rate
        gaps = np.diff(np.concatenate([[0.0], times, [seconds]]))
        inner = np.diff(times)
        spread = line[found].std() / max(float(np.median(line[found])), 1e-6) if len(found) else np.nan
        rows[row] = (
            len(found), np.median(inner) if len(inner) else np.nan, inner.min(initial=seconds), gaps.max(), gaps[-1],
            spread,
        )  # fmt: skip
    return rows
