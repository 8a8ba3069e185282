"""The records of a cohort that a model sees most like one, what became of them, and how far to trust the likeness.

Likeness is closeness of the fused embedding, among records with the same modalities: with others it would measure what
is missing. Axes: N records, M modalities, D embedding width, E networks, k neighbours.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from amfn.types import Batch, Explainable, InputError, Prediction
from explain.checks import require_frozen, require_one, target_name

CONFIDENCE = 0.95
SAMPLED = 256
"""How many candidates say what is typical: enough for a median."""

FEW, MANY, LARGE = 5, 10, 200
"""Neighbours in a small cohort and in a large one, and the records from which on it is large."""


@dataclass(frozen=True, slots=True)
class OutcomeShare:
    """How many of the neighbours whose outcome is known had the event, with the exact interval of a binomial share.

    Source: Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
    """

    events: int
    known: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.events / self.known


@dataclass(frozen=True, slots=True)
class Typical:
    """What distances are usual among the candidates themselves, to judge whether a neighbour is near.

    neighbour: the median of a candidate's own mean distance to as many neighbours. anyone: the median distance between
    two candidates. closer: the share of candidates whose neighbours are closer to them than this record's are to it;
    near 1 means that the record stands apart. measured_on: candidates that were asked.
    """

    neighbour: float
    anyone: float
    closer: float
    measured_on: int


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest records of a cohort with the same modalities, nearest first; fewer than asked, or none, where there
    are no more.

    distances: f64[k], root mean square over the embedding, in units of the cohort's spread. risks: f64[k], the model's
    own. outcomes: 0 or 1, None where unknown. candidates: records with the same modalities, without the record itself.
    observed: None where no neighbour's outcome is known. typical: None below two candidates. stable: of each network of
    an ensemble how many of the k it would name by its own embedding alone; None for a single network, and where all
    candidates are named anyway.
    """

    record_id: str
    modalities: tuple[str, ...]
    asked: int
    candidates: int
    ids: tuple[str, ...]
    distances: Float[np.ndarray, " k"]
    risks: Float[np.ndarray, " k"]
    outcomes: tuple[float | None, ...]
    observed: OutcomeShare | None
    typical: Typical | None
    stable: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class VoteQuality:
    """How well the share of events among a record's k neighbours tells its outcome, leaving it out.

    auroc: of that share; model_auroc: of the model's own risk on the same records. None where all had one outcome.
    records, events: how many were asked; alone: records left out because no more than 2 k have their modalities and a
    known outcome. On records that the model was trained on both are too good.
    """

    k: int
    records: int
    events: int
    alone: int
    auroc: float | None
    model_auroc: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Where a model puts the records of one batch: what an index is made of.

    digests: of what it reads of each. embedding: f32[B, D]. present: bool[B, M]. risks: f64[B], of one target.
    networks: E, their embeddings side by side.
    """

    ids: tuple[str, ...]
    digests: tuple[str, ...]
    embedding: Float[np.ndarray, "b d"]
    present: Bool[np.ndarray, "b m"]
    risks: Float[np.ndarray, " b"]
    networks: int

    @classmethod
    def of(cls, model: Explainable, batch: Batch, prediction: Prediction, target: int = 0) -> Seen:
        """prediction: what the model says of the batch."""
        return cls(
            ids=batch.ids,
            digests=row_digests(batch, model.schema.names),
            embedding=prediction.embedding.detach().float().cpu().numpy(),
            present=batch.present.cpu().numpy(),
            risks=prediction.logits[:, target].detach().double().sigmoid().cpu().numpy(),
            networks=1 if prediction.members is None else len(prediction.members),
        )


@dataclass(frozen=True, slots=True, eq=False)
class CohortIndex:
    """Where a model puts the records of a cohort.

    embedding: f32[N, D], (fused - centre) / spread over the cohort. present: bool[N, M]. risks: f64[N]. outcomes: 0 or
    1, None where unknown. digests: of what the model reads of each record. networks: E, their embeddings side by side.
    """

    target: str
    modalities: tuple[str, ...]
    ids: tuple[str, ...]
    digests: tuple[str, ...]
    embedding: Float[np.ndarray, "n d"]
    centre: Float[np.ndarray, " d"]
    spread: Float[np.ndarray, " d"]
    present: Bool[np.ndarray, "n m"]
    risks: Float[np.ndarray, " n"]
    outcomes: tuple[float | None, ...]
    networks: int

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls,
        model: Explainable,
        batches: Sequence[Batch],
        outcomes: Sequence[float | None] | None = None,
        target: int = 0,
    ) -> CohortIndex:
        """From all records of a cohort, in as many batches as fit into memory. outcomes: one a record, in their order.

        Raises InputError for no record, one that comes twice, outcomes that are not 0, 1 or None (NaN counts as None)
        or do not fit in number, an unknown target, or a model in training mode.
        """
        require_frozen(model)
        target_name(model, target)
        with torch.no_grad():
            seen = [Seen.of(model, batch, model(batch), target) for batch in batches if len(batch)]
        return cls.of_seen(model, seen, outcomes, target)

    @classmethod
    def of_seen(
        cls,
        model: Explainable,
        seen: Sequence[Seen],
        outcomes: Sequence[float | None] | None = None,
        target: int = 0,
    ) -> CohortIndex:
        """`of` from what the same model has said of the batches already. Raises InputError as it does."""
        name = target_name(model, target)
        ids = tuple(record for part in seen for record in part.ids)
        if not ids or len(set(ids)) < len(ids):
            raise InputError(
                "cohort", f"{len(ids)} records, {len(set(ids))} different", "records, each once", "Correct the cohort."
            )
        fused = np.concatenate([part.embedding for part in seen]).astype(np.float64)
        spread = fused.std(0)
        # A dimension that never changes tells nobody apart.
        spread = np.where(spread > 1e-9, spread, 1.0)
        return cls(
            target=name,
            modalities=model.schema.names,
            ids=ids,
            digests=tuple(digest for part in seen for digest in part.digests),
            embedding=((fused - fused.mean(0)) / spread).astype(np.float32),
            centre=fused.mean(0),
            spread=spread,
            present=np.concatenate([part.present for part in seen]),
            risks=np.concatenate([part.risks for part in seen]),
            outcomes=_known(outcomes, len(ids)),
            networks=seen[0].networks,
        )

    @property
    def usual_k(self) -> int:
        """How many neighbours to ask for: fewer in a small cohort, where they would soon be everybody."""
        return MANY if len(self) >= LARGE else FEW

    def nearest(self, batch: Batch, prediction: Prediction, k: int = 10) -> Neighbours:
        """The k records most like this one. batch, prediction: one record and what the same model says of it.

        The record itself (its id, or the very same input under another) is not its own neighbour. A record with nothing
        in it is like nobody. Raises InputError for several records, k below one, or another model's embedding.
        """
        require_one(batch)
        self._require(k, prediction)
        here = batch.present[0].cpu().numpy()
        digest = row_digests(batch, self.modalities)[0]
        pool = np.flatnonzero((self.present == here).all(1) & here.any())
        others = [self.ids[i] != batch.ids[0] and self.digests[i] != digest for i in pool]
        pool = pool[np.array(others, bool)]
        own = ((prediction.embedding[0].detach().double().cpu().numpy() - self.centre) / self.spread).astype(np.float32)
        found, distances = _closest(self.embedding[pool], own, k)
        rows = pool[found]
        outcomes = tuple(self.outcomes[i] for i in rows)
        return Neighbours(
            record_id=batch.ids[0],
            modalities=tuple(name for name, there in zip(self.modalities, here, strict=True) if there),
            asked=k,
            candidates=len(pool),
            ids=tuple(self.ids[i] for i in rows),
            distances=distances,
            risks=self.risks[rows],
            outcomes=outcomes,
            observed=_share(outcomes),
            typical=_typical(self.embedding[pool], distances) if len(pool) > 1 else None,
            stable=self._stable(pool, own, found) if self.networks > 1 and len(found) < len(pool) else None,
        )

    def vote_quality(self, k: int = 10) -> VoteQuality:
        """Leave each record with a known outcome out, let its k nearest with the same modalities vote.

        Records whose input is the very same have no vote on each other.
        """
        self._require(k)
        known = np.array([outcome is not None for outcome in self.outcomes])
        votes = np.full(len(self), -1.0)
        for pattern in np.unique(self.present[known], axis=0):
            pool = np.flatnonzero((self.present == pattern).all(1) & known)
            # In a small pool everybody else votes, and leaving a record out takes its own outcome from that vote: the
            # share then runs against the truth by construction.
            if pattern.any() and len(pool) > 2 * k:
                votes[pool] = self._votes(pool, k)
        asked = votes >= 0
        truth = np.array([self.outcomes[i] for i in np.flatnonzero(asked)], np.float64)
        both = 0 < truth.sum() < len(truth)
        # Imported where it is used: scikit-learn takes a second.
        from sklearn.metrics import roc_auc_score

        return VoteQuality(
            k=k,
            records=len(truth),
            events=int(truth.sum()),
            alone=int(known.sum() - len(truth)),
            auroc=float(roc_auc_score(truth, votes[asked])) if both else None,
            model_auroc=float(roc_auc_score(truth, self.risks[asked])) if both else None,
        )

    def _votes(self, pool: Int[np.ndarray, " c"], k: int) -> Float[np.ndarray, " c"]:
        """The share of events among each one's k nearest others, -1 where there is no other."""
        from sklearn.neighbors import NearestNeighbors

        _, same = np.unique([self.digests[i] for i in pool], return_inverse=True)
        wanted = min(k + int(np.bincount(same).max()), len(pool))
        search = NearestNeighbors(n_neighbors=wanted, algorithm="brute").fit(self.embedding[pool])
        nearest = search.kneighbors(self.embedding[pool], return_distance=False)
        others = same[nearest] != same[:, None]
        counts = others & (others.cumsum(1) <= k)
        events = np.array([self.outcomes[i] == 1 for i in pool])[nearest] & counts
        return np.where(counts.any(1), events.sum(1) / counts.sum(1).clip(min=1), -1.0)

    def _stable(
        self, pool: Int[np.ndarray, " c"], own: Float[np.ndarray, " d"], found: Int[np.ndarray, " k"]
    ) -> tuple[int, ...]:
        parts = np.split(self.embedding[pool], self.networks, axis=1)
        mine = np.split(own, self.networks)
        each = [_closest(part, me, len(found))[0] for part, me in zip(parts, mine, strict=True)]
        return tuple(len(np.intersect1d(found, alone)) for alone in each)

    def _require(self, k: int, prediction: Prediction | None = None) -> None:
        if k < 1:
            raise InputError("neighbours", f"k = {k}", "one or more", "Ask for at least one.")
        if prediction is not None and tuple(prediction.embedding.shape) != (1, len(self.centre)):
            raise InputError(
                "prediction", f"an embedding {tuple(prediction.embedding.shape)}", f"(1, {len(self.centre)})",
                "Take the index that was built with this model.",
            )  # fmt: skip


def row_digests(batch: Batch, modalities: Sequence[str]) -> tuple[str, ...]:
    """For each record the first 16 hex digits of a SHA-256 over what a model reads of it; its id is not in it."""
    found = []
    for row, here in enumerate(batch.present.cpu().numpy()):
        sha = hashlib.sha256(here.tobytes())
        for name, there in zip(modalities, here, strict=True):
            if there:
                inside = batch.valid[name][row]
                seen = batch.observed[name][row][inside]
                sha.update(seen.cpu().numpy().tobytes())
                sha.update(batch.x[name][row][inside].masked_fill(~seen, 0.0).cpu().numpy().tobytes())
        found.append(sha.hexdigest()[:16])
    return tuple(found)


def _known(outcomes: Sequence[float | None] | None, records: int) -> tuple[float | None, ...]:
    given = [None] * records if outcomes is None else list(outcomes)
    known = tuple(None if value is None or math.isnan(value) else float(value) for value in given)
    if len(known) != records or not set(known) <= {0.0, 1.0, None}:
        raise InputError(
            "outcomes", f"{len(known)} for {records} records, or values between", "0, 1 or None for each record",
            "Pass those of a yes-or-no target, in the order of the records.",
        )  # fmt: skip
    return known


def _closest(
    pool: Float[np.ndarray, "c d"], own: Float[np.ndarray, " d"], k: int
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Rows of the pool, nearest first, and their distances; fewer than k where the pool is smaller."""
    if not len(pool):
        return np.zeros(0, np.int64), np.zeros(0)
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(k, len(pool)), algorithm="brute").fit(pool)
    rows = search.kneighbors(own[None], return_distance=False)[0]
    # The search expands squares, which leaves nearly equal records a distance of rounding: the few found are exact.
    distances = np.sqrt(((pool[rows] - own).astype(np.float64) ** 2).mean(1))
    order = np.argsort(distances, kind="stable")
    return rows[order], distances[order]


def _typical(pool: Float[np.ndarray, "c d"], own: Float[np.ndarray, " k"]) -> Typical:
    """own: the record's distances to its neighbours, all in the pool."""
    from sklearn.metrics import pairwise_distances

    asked = np.unique(np.linspace(0, len(pool) - 1, min(SAMPLED, len(pool))).round().astype(int))
    each = pairwise_distances(pool[asked], pool) / math.sqrt(pool.shape[1])
    each[np.arange(len(asked)), asked] = np.inf
    count = min(len(own), len(pool) - 1)
    near = np.partition(each, count - 1, axis=1)[:, :count].mean(1)
    return Typical(
        neighbour=float(np.median(near)),
        anyone=float(np.median(each[np.isfinite(each)])),
        closer=float((near < own[:count].mean()).mean()),
        measured_on=len(asked),
    )


def _share(outcomes: Sequence[float | None]) -> OutcomeShare | None:
    known = [outcome for outcome in outcomes if outcome is not None]
    if not known:
        return None
    # Imported where it is used: scipy.stats takes half a second.
    from scipy.stats import binomtest

    events = int(sum(known))
    interval = binomtest(events, len(known)).proportion_ci(CONFIDENCE, method="exact")
    return OutcomeShare(events, len(known), float(interval.low), float(interval.high))
