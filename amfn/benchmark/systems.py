"""What is compared: one table of systems, and the ablation of AMFN as a list of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from amfn.fusion import FUSIONS, config_from_dict
from amfn.settings import merged
from amfn.training_module import TrainConfig
from amfn.types import InputError, Schema, TaskKind

Trained = Literal["network", "trees", "linear", "carry"]
OURS, PEER = "amfn", "trees"
ABLATION = "amfn:"
TITLES: Mapping[str, str] = {
    "amfn": "AMFN",
    "early": "Early fusion",
    "late": "Late fusion",
    "mlp": "MLP fusion",
    "lstm": "LSTM",
    "gru": "GRU",
    "transformer": "Transformer",
    "tcn": "TCN",
    "nbeats": "N-BEATS",
    "tft": "TFT",
}


@dataclass(frozen=True, slots=True)
class System:
    """One system of the benchmark.

    trained: as a network through the fusion contract, or on summary features as trees or as a linear model; "carry" is
    the last value carried forward. fusion and settings: a network's registered name, and what differs from the task's
    own training settings. dropout: trees see copies of the training rows without some of their modalities. imputed:
    asked a second time, with fixed values in the place of missing modalities.
    """

    name: str
    title: str
    trained: Trained
    fusion: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    dropout: bool = False
    imputed: bool = False


def systems_of(kind: TaskKind) -> tuple[System, ...]:
    """All systems for tasks of this kind, AMFN first, then what is not a network, then its neural peers."""
    classical = [
        System("trees", "Gradient-boosted trees", "trees"),
        System("trees_dropout", "Trees with modality dropout", "trees", dropout=True),
        System("linear", "Logistic regression" if kind == "binary" else "Ridge regression", "linear"),
    ]
    if kind == "regression":
        # Modalities are not removed from a forecast: its last value would have to go with them.
        classical = [classical[0], classical[2], System("carry", "Last value carried forward", "carry")]
    peers = [System(name, TITLES.get(name, name), "network", fusion=name) for name in FUSIONS if name != OURS]
    return (System(OURS, TITLES[OURS], "network", fusion=OURS, imputed=True), *classical, *peers)


def ablations_of(schema: Schema, base: TrainConfig) -> tuple[System, ...]:
    """AMFN with parts of it taken out or exchanged (the paper's Tables 4 and 5), each as settings over `base`.

    "Feature extraction" cannot be taken out: something has to turn a series into an embedding. What is taken out is all
    that was designed for it, the path of summary statistics or spectra and the layer over time; one linear layer per
    step (a waveform's convolutions) and attention pooling remain. Rows that would equal `base`, or an earlier one, are
    left out.
    """
    no_features = {"model": {"encoder": {"summary": False, "sequence": "none"}}}
    no_attention = {"model": {"attention": False}}
    no_gate = {"model": {"gate": False}}
    no_graph = {"model": {"graph_layers": 0}}
    named: list[tuple[str, str, Mapping[str, Any]]] = [
        ("no_features", "without feature extraction", no_features),
        ("no_attention", "without cross-modal attention", no_attention),
        ("no_gate", "without adaptive feature selection (gate)", no_gate),
        ("no_graph", "without graph", no_graph),
        ("no_features_attention", "without feature extraction and attention", merged(no_features, no_attention)),
        ("no_features_gate", "without feature extraction and gate", merged(no_features, no_gate)),
        ("no_attention_gate", "without attention and gate", merged(no_attention, no_gate)),
        ("no_attention_graph", "without attention and graph", merged(no_attention, no_graph)),
        ("no_gate_graph", "without gate and graph", merged(no_gate, no_graph)),
        ("concat", "concatenation instead of the weighted sum F", {"model": {"fusion": "concat"}}),
        ("mlp_head", "MLP head", {"model": {"head": "mlp"}}),
        ("one_head", "one attention head", {"model": {"heads": 1}}),
        ("no_normalisation", "without normalised embeddings", {"model": {"normalise": False}}),
        *(
            (f"sequence_{kind}", f"layer over time: {kind}", {"model": {"encoder": {"sequence": kind}}})
            for kind in ("none", "gru", "attention")
        ),
        ("no_summary", "without summary path", {"model": {"encoder": {"summary": False}}}),
        ("frequency_mixer", "with frequency-aware mixer", {"model": {"encoder": {"frequency_mixer": True}}}),
        ("spiking", "with spiking layer", {"model": {"encoder": {"spiking": True}}}),
        ("no_bins", "without quantile bins of the statistics", {"model": {"encoder": {"summary_bins": 0}}}),
        ("no_self_supervision", "λ1 = λ2 = 0", {"loss": {"reconstruction": 0.0, "alignment": 0.0}}),
        ("self_supervision", "λ1 = 0.1, λ2 = 0.02", {"loss": {"reconstruction": 0.1, "alignment": 0.02}}),
        ("no_auxiliary", "without losses on single modalities", {"loss": {"auxiliary": 0.0}}),
        ("no_dropout", "without modality dropout", {"modality_dropout": 0.0}),
        ("focal", "focal loss", {"loss": {"task": "focal"}}),
        ("no_distillation", "without distillation from the trees", {"loss": {"distillation": 0.0}}),
        ("no_averaging", "without averaging of weights", {"average_decay": 0.0}),
    ]
    waveforms = any(spec.kind == "waveform" for spec in schema.modalities)
    found: list[System] = []
    seen = [config_of(System(OURS, "", "network", fusion=OURS), base, 0)]
    for name, title, settings in named:
        if name in ("frequency_mixer", "spiking") and not waveforms:
            continue
        system = System(f"{ABLATION}{name}", f"AMFN: {title}", "network", fusion=OURS, settings=settings)
        config = config_of(system, base, 0)
        if config not in seen:
            found.append(system)
            seen.append(config)
    return tuple(found)


def config_of(system: System, base: TrainConfig, seed: int) -> TrainConfig:
    """The network's training: the task's own settings with the system's over them. A system with encoders of AMFN's
    kind has AMFN's, one that reads tokens its own sizes, which mean something else there; the rest is shared."""
    network = FUSIONS[system.fusion]
    known = {f.name for f in fields(network.config_type)} if network.embeds else set()
    shared = {**asdict(base), "fusion": system.fusion, "seed": seed}
    shared["model"] = {key: value for key, value in base.model.items() if key in known}
    return config_from_dict(TrainConfig, merged(shared, system.settings))


def chosen(systems: Sequence[System], names: Iterable[str]) -> tuple[System, ...]:
    """The systems of these names, in the table's order; all where none is named. Raises InputError for another name."""
    wanted = [name.strip() for name in names if name.strip()]
    known = [system.name for system in systems]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError("--systems", ", ".join(unknown), f"some of {', '.join(known)}", "Correct the name.")
    return tuple(system for system in systems if not wanted or system.name in wanted)


def shortened(base: TrainConfig, epochs: int = 2) -> TrainConfig:
    """The same recipe for a trial of the benchmark itself."""
    return replace(base, epochs=min(base.epochs, epochs))
