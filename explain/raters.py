"""Clinicians' rankings of modalities beside a model's: do they agree with it, with each other, and better than chance?

Axes: R raters, N records, p modalities that a record has, U units (a modality of a record), D draws. Place 1 is first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from amfn.types import InputError
from explain.agreement import kendall
from explain.reality import CONTRIBUTION, EVEN_WITHIN, RANKED_FROM, ROUTING, Measure, RealityCheck

MEASURES: tuple[Measure, ...] = ROUTING + CONTRIBUTION
DRAWS = 2000
CONFIDENCE = 0.95
ALPHA_DRAWS = 1000
"""The library works out one alpha at a time."""

FEW_RATERS, FEW_RECORDS = 5, 10
"""Below these, intervals over resampled raters and records are too narrow to be trusted."""

NOBODY_SHARES = "no record was ranked by two raters"
NO_VARIATION = "all modalities were given the same place"
Clusters = Literal["raters and records", "records", "raters", ""]


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one rater said of one record. places: by modality, 1 for the first; equal places are a tie, and what is not
    named comes after all that is, tied."""

    rater: str
    record: str
    places: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of taus, or an alpha, with its 95 % percentile bootstrap interval. resampled: which clusters were drawn
    anew, empty where there is no interval because there are not two of either. count: how many taus it is the mean of.
    """

    value: float
    low: float | None
    high: float | None
    resampled: Clusters
    count: int


@dataclass(frozen=True, slots=True)
class Chance:
    """What rankings dealt at random give. low, high: the middle 95 % of the pooled tau; p: two-sided, (1 + draws at
    least as far from 0) / (1 + draws); adjusted: p after Holm over all measures that could be tested."""

    low: float
    high: float
    p: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class MeasureAgreement:
    """One measure against all rankings. pooled: over every tau that is defined, None where none is; undefined: how many
    are not, of `asked`; by_rater: each rater's own mean, None where none is defined."""

    measure: Measure
    pooled: Estimate | None
    by_rater: Mapping[str, Estimate | None]
    chance: Chance | None
    undefined: int
    asked: int


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha at ordinal level: 1 full agreement, 0 what chance gives, below 0 less than that. estimate:
    None for the reason that stands in `missing`. units: modalities of records that two or more raters ranked."""

    estimate: Estimate | None
    missing: str
    raters: int
    units: int


@dataclass(frozen=True, slots=True)
class RaterStudy:
    """Everything that rankings say of one model. measures: those that the model has, routing first."""

    raters: tuple[str, ...]
    records: tuple[str, ...]
    measures: tuple[MeasureAgreement, ...]
    alpha: Alpha

    @property
    def small(self) -> bool:
        """True where intervals and tests rest on too few raters or records to be leaned on."""
        return len(self.raters) < FEW_RATERS or len(self.records) < FEW_RECORDS


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A modality that a rater and a measure put at different places. Tied modalities share the mean of their places."""

    rater: str
    record: str
    modality: str
    place: float
    model_place: float

    @property
    def gap(self) -> float:
        """Places by which the rater puts it further up than the model; negative: further down."""
        return self.model_place - self.place


def study(
    rankings: Sequence[Ranking], checks: Mapping[str, RealityCheck], draws: int = DRAWS, seed: int = 0
) -> RaterStudy:
    """Agreement of rankings with a model's measures (`checks`, by record) and with each other.

    A tau is Kendall's tau-b of a rater's order with the strength of a measure over the modalities that the record has;
    undefined where either is even or there are fewer than three modalities. Pooled: the mean over all rankings.

    Intervals: percentiles over resampled clusters, raters and records crossed (Owen 2007, "The pigeonhole bootstrap",
    https://arxiv.org/abs/0712.1111); only one of them where there are not two of the other. Chance: in each record the
    names of the modalities are dealt out anew, alike for all raters, so that what raters have in common stays in the
    distribution; p after Phipson and Smyth 2010, https://arxiv.org/abs/1603.05766.

    Raises InputError for no ranking, a record without a check, two rankings of a record by one rater, or a place that
    is no number or for no modality of the record.
    """
    _require(rankings, checks)
    raters = tuple(dict.fromkeys(item.rater for item in rankings))
    records = tuple(dict.fromkeys(item.record for item in rankings))
    orders = {(item.rater, item.record): order(item.places, checks[item.record].players) for item in rankings}
    found = [m for m in MEASURES if any(checks[record].measures[m] is not None for record in records)]
    own = {key: _pairs(-places) for key, places in orders.items()}
    theirs = {record: np.array([_strength_pairs(checks[record], m) for m in found]) for record in records}
    tables = dict(zip(found, _taus(own, theirs, raters, records), strict=True))
    chances = _chance(own, theirs, tables, records, draws, seed)
    return RaterStudy(
        raters,
        records,
        tuple(
            MeasureAgreement(
                measure=m,
                pooled=_pooled(tables[m], draws, seed),
                by_rater={rater: _pooled(tables[m][r : r + 1], draws, seed) for r, rater in enumerate(raters)},
                chance=chances[m],
                undefined=len(rankings) - int((~np.isnan(tables[m])).sum()),
                asked=len(rankings),
            )
            for m in found
        ),
        alpha([[orders.get((rater, record)) for record in records] for rater in raters], seed=seed),
    )


def order(places: Mapping[str, float], modalities: Sequence[str]) -> Float[np.ndarray, " p"]:
    """f64[p]: the place of each modality, 1 first, those tied at the mean of the places that they take up together.

    Only the order of what was given counts (1, 2, 7 is 1, 2, 3); modalities without a place tie behind all others.
    Raises InputError for a place that is no number, or of a modality that the record does not have.
    """
    strange = sorted(set(places) - set(modalities))
    odd = sorted(name for name, place in places.items() if not np.isfinite(place))
    if strange or odd:
        raise InputError(
            "ranking", f"a place for {', '.join(strange)}" if strange else f"no number for {', '.join(odd)}",
            f"a number for modalities among {', '.join(modalities)}", "Rank what the record has.",
        )  # fmt: skip
    from scipy.stats import rankdata

    return rankdata([places.get(name, np.inf) for name in modalities])


def strength(check: RealityCheck, measure: Measure) -> Float[np.ndarray, " p"] | None:
    """f64[p]: how strong each modality is by this measure, the size of a contribution; None where the model lacks it,
    where it is even, or where there are fewer than three modalities to rank."""
    values = check.measures[measure]
    if values is None or len(values) < RANKED_FROM:
        return None
    sizes = np.abs(values)
    return None if float(np.ptp(sizes)) < EVEN_WITHIN else sizes


def model_order(check: RealityCheck, measure: Measure) -> dict[str, float] | None:
    """The place of each modality by a measure, strongest first; None as in `strength`."""
    sizes = strength(check, measure)
    if sizes is None:
        return None
    return dict(zip(check.players, order(dict(zip(check.players, -sizes, strict=True)), check.players), strict=True))


def tau(ranking: Ranking, check: RealityCheck, measure: Measure) -> float | None:
    """Kendall's tau-b of one ranking with one measure, in -1..1; None where it is not defined."""
    sizes = strength(check, measure)
    return None if sizes is None else kendall(-order(ranking.places, check.players), sizes)


def disagreements(
    rankings: Sequence[Ranking], checks: Mapping[str, RealityCheck], measure: Measure
) -> tuple[Disagreement, ...]:
    """Every modality that a rater and a measure put at different places, furthest apart first."""
    _require(rankings, checks)
    found = []
    for item in rankings:
        check = checks[item.record]
        theirs = model_order(check, measure)
        if theirs is not None:
            own = order(item.places, check.players)
            found += [
                Disagreement(item.rater, item.record, name, float(place), float(theirs[name]))
                for name, place in zip(check.players, own, strict=True)
                if place != theirs[name]
            ]
    return tuple(sorted(found, key=lambda item: (-abs(item.gap), item.record, item.rater, item.modality)))


def alpha(orders: Sequence[Sequence[Float[np.ndarray, " p"] | None]], seed: int = 0) -> Alpha:
    """Krippendorff's alpha of places, ordinal; orders[r][n]: rater r's places in record n, None where not ranked.

    Interval: percentiles over resampled records, each with all its modalities, whose places depend on each other.
    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", through the library `krippendorff`.
    """
    shared = [n for n in range(len(orders[0])) if sum(row[n] is not None for row in orders) >= 2]
    if not shared:
        return Alpha(None, NOBODY_SHARES, len(orders), 0)
    sizes = [next(len(row[n]) for row in orders if row[n] is not None) for n in shared]  # type: ignore[arg-type]
    blocks = [
        np.array([np.full(size, np.nan) if row[n] is None else row[n] for row in orders])
        for n, size in zip(shared, sizes, strict=True)
    ]
    taking_part = int((~np.isnan(np.hstack(blocks))).any(axis=1).sum())
    value = _alpha(blocks)
    if value is None:
        return Alpha(None, NO_VARIATION, taking_part, sum(sizes))
    low = high = None
    if len(blocks) > 1:
        rng = np.random.default_rng(seed)
        drawn = [_alpha([blocks[k] for k in rng.integers(len(blocks), size=len(blocks))]) for _ in range(ALPHA_DRAWS)]
        low, high = _percentiles([each for each in drawn if each is not None])
    return Alpha(
        Estimate(value, low, high, "records" if len(blocks) > 1 else "", sum(sizes)), "", taking_part, sum(sizes)
    )


def _alpha(blocks: Sequence[np.ndarray]) -> float | None:
    places = np.hstack(blocks)
    if len(np.unique(places[~np.isnan(places)])) < 2:
        return None
    import krippendorff

    return float(krippendorff.alpha(reliability_data=places, level_of_measurement="ordinal"))


def _require(rankings: Sequence[Ranking], checks: Mapping[str, RealityCheck]) -> None:
    asked = [(item.rater, item.record) for item in rankings]
    twice = [f"{rater} on {record}" for rater, record in dict.fromkeys(asked) if asked.count((rater, record)) > 1]
    unknown = sorted({item.record for item in rankings} - set(checks))
    if not rankings or twice or unknown:
        raise InputError(
            "rankings",
            f"twice: {', '.join(twice)}" if twice else f"no answer of the model to {', '.join(unknown)}"
            if unknown else "none",
            "one or more, one of each rater for a record, of records that the model answered", "Correct the list.",
        )  # fmt: skip


def _pairs(values: np.ndarray) -> Float[np.ndarray, "p p"]:
    """The signs of all differences, scaled so that the inner product of two rankings is tau-b; zeros where even."""
    signs = np.sign(values[:, None] - values[None, :])
    size = np.sqrt((signs**2).sum())
    return signs / size if size else signs


def _strength_pairs(check: RealityCheck, measure: Measure) -> Float[np.ndarray, "p p"]:
    sizes = strength(check, measure)
    return np.zeros((len(check.players),) * 2) if sizes is None else _pairs(sizes)


def _taus(
    own: Mapping[tuple[str, str], np.ndarray],
    theirs: Mapping[str, Float[np.ndarray, "k p p"]],
    raters: Sequence[str],
    records: Sequence[str],
) -> Float[np.ndarray, "k r n"]:
    """Of each measure; NaN where a rater did not rank a record or the tau is not defined."""
    tables = np.full((len(theirs[records[0]]), len(raters), len(records)), np.nan)
    for (rater, record), pairs in own.items():
        defined = theirs[record].any(axis=(1, 2)) & pairs.any()
        found = np.where(defined, np.einsum("ij,kij->k", pairs, theirs[record]), np.nan)
        tables[:, raters.index(rater), records.index(record)] = np.clip(found, -1, 1)
    return tables


def _pooled(table: Float[np.ndarray, "r n"], draws: int, seed: int) -> Estimate | None:
    known = ~np.isnan(table)
    if not known.any():
        return None
    # Rows and columns without a tau are no clusters: drawing them would only make an interval of nothing.
    table = table[known.any(axis=1)][:, known.any(axis=0)]
    known = ~np.isnan(table)
    raters, records = table.shape
    value, count = float(table[known].mean()), int(known.sum())
    resampled = _clusters(raters, records)
    if not resampled:
        return Estimate(value, None, None, resampled, count)
    rng = np.random.default_rng(seed)
    by_rater = rng.multinomial(raters, np.full(raters, 1 / raters), size=draws).astype(float)
    by_record = rng.multinomial(records, np.full(records, 1 / records), size=draws).astype(float)
    sums = np.einsum("dr,rn,dn->d", by_rater, np.where(known, table, 0.0), by_record)
    weights = np.einsum("dr,rn,dn->d", by_rater, known.astype(float), by_record)
    # A draw may happen on raters and records that never met.
    low, high = _percentiles(sums[weights > 0] / weights[weights > 0])
    return Estimate(value, low, high, resampled, count)


def _clusters(raters: int, records: int) -> Clusters:
    if raters > 1 and records > 1:
        return "raters and records"
    return "records" if records > 1 else "raters" if raters > 1 else ""


def _percentiles(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(np.asarray(values, np.float64), [tail, 100 - tail])
    return float(low), float(high)


def _chance(
    own: Mapping[tuple[str, str], np.ndarray],
    theirs: Mapping[str, Float[np.ndarray, "k p p"]],
    tables: Mapping[Measure, Float[np.ndarray, "r n"]],
    records: Sequence[str],
    draws: int,
    seed: int,
) -> dict[Measure, Chance | None]:
    rng = np.random.default_rng(seed)
    sums = np.zeros((draws, len(tables)))
    for record in records:
        # All raters of a record in one matrix: tau is linear in it.
        pairs = np.sum([each for (_, where), each in own.items() if where == record], axis=0)
        dealt = rng.permuted(np.tile(np.arange(len(pairs)), (draws, 1)), axis=1)
        sums += np.einsum("dij,kij->dk", pairs[dealt[:, :, None], dealt[:, None, :]], theirs[record])
    tested, raw, bands = [], [], []
    for k, (measure, table) in enumerate(tables.items()):
        known = table[~np.isnan(table)]
        if len(known):
            null = np.clip(sums[:, k] / len(known), -1, 1)
            # Equal taus come out of sums of different order.
            as_far = int((np.abs(null) >= abs(known.mean()) - 1e-9).sum())
            tested.append(measure)
            raw.append((1 + as_far) / (1 + draws))
            bands.append(_percentiles(null))
    found = dict.fromkeys(tables)
    adjusted = holm(raw)
    return found | {m: Chance(*band, p, q) for m, band, p, q in zip(tested, bands, raw, adjusted, strict=True)}


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Each p so adjusted that the chance of any false alarm among all of them stays below the level it is held to.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    ranks = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.asarray(p, float)[ranks] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[ranks] = np.minimum(stepped, 1.0)
    return tuple(found.tolist())
