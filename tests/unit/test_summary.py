"""The summary path of a series, on numbers that can be followed by hand."""

from __future__ import annotations

import pytest
import torch

from amfn.encoders import EncoderConfig, SeriesEncoder
from amfn.encoders.summary import COUNTS, STATISTICS, SummaryPath, masked_statistics, summary_statistics
from amfn.types import Channel, ModalitySpec


def test_masked_statistics_by_hand() -> None:
    """Observed 1, 3 of four steps: mean 2, deviation 1, minimum 1, maximum 3, half the steps; 99 is not observed."""
    x = torch.tensor([[[1.0], [99.0], [3.0], [99.0]]])
    seen = torch.tensor([[[True], [False], [True], [False]]])
    values = [float(v) for v in masked_statistics(x, seen, torch.tensor([[4]]))]
    assert values == pytest.approx([2.0, 1.0, 1.0, 3.0, 0.5], abs=1e-4)


def test_masked_statistics_of_nothing_are_zero_with_finite_gradient() -> None:
    x = torch.full((1, 4, 1), 5.0, requires_grad=True)
    values = masked_statistics(x, torch.zeros(1, 4, 1, dtype=torch.bool), torch.tensor([[4]]))
    assert [float(v.detach()) for v in values] == [0.0] * 5
    torch.stack(values).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def statistics_of(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    valid = torch.ones(x.shape[:2], dtype=torch.bool)
    return summary_statistics(x * seen, seen, *SeriesEncoder.carry(x, seen, valid), valid)


def test_statistics_of_a_stay_by_hand() -> None:
    """Six steps, observed 1, 4 and 3 at steps 0, 2 and 3: first 1, last 3, change 2, two steps since the last."""
    x = torch.tensor([1.0, 9, 4, 3, 9, 9])[None, :, None]
    seen = torch.tensor([True, False, True, True, False, False])[None, :, None]
    found = statistics_of(x, seen)
    assert found.shape == (1, STATISTICS, 1)
    row = found[0, :, 0].tolist()
    assert row[5:8] == [1.0, 3.0, 2.0]
    assert [row[k] for k in COUNTS] == pytest.approx([3 / 6, 1 / 6, 2 / 6, 0.0])
    assert row[-1] == pytest.approx(2 / 6)
    assert row[13] == pytest.approx(3.5)  # the mean of the second third


def test_what_is_known_follows_the_counts() -> None:
    x, seen = torch.ones(1, 6, 2), torch.zeros(1, 6, 2, dtype=torch.bool)
    seen[0, 4, 0] = True  # the first channel in the last third only, the second never
    known = SummaryPath.known(statistics_of(x, seen))[0]
    assert known[:8, 0].all()
    assert known[list(COUNTS)].all(), "a count of zero is knowledge"
    assert not known[8:12, 0].any()
    assert known[18:22, 0].all()
    assert known[23, 0]
    assert int(known[:, 1].sum()) == len(COUNTS)


def test_bins_are_quantiles_of_what_was_known() -> None:
    """A statistic that runs from 0 to 100 evenly has its bins at 0, 50, 100; what is unknown does not count."""
    path = SummaryPath(1, 4, 0.0, bins=2)
    statistics = torch.zeros(101, STATISTICS, 1)
    statistics[:, 0, 0] = torch.arange(101.0)
    statistics[:, COUNTS[0]] = 1.0
    unknown = torch.zeros(50, STATISTICS, 1)
    path.adapt(torch.cat([statistics, unknown]))
    assert path.edges[0].tolist() == pytest.approx([0.0, 50.0, 100.0])
    assert path.edges[8].tolist() == [-1.0, 0.0, 1.0], "too few records for quantiles: even bins"


def test_a_statistic_fills_its_bins_one_after_the_other() -> None:
    path = SummaryPath(1, 4, 0.0, bins=2)
    path.edges[0] = torch.tensor([0.0, 50.0, 100.0])
    caught: dict[str, torch.Tensor] = {}
    path.mlp.register_forward_pre_hook(lambda _, args: caught.update(given=args[0]))
    statistics = torch.zeros(3, STATISTICS, 1)
    statistics[:, 0, 0] = torch.tensor([25.0, 75.0, 1e6])
    statistics[:2, COUNTS[0]] = 1.0  # nothing was observed in the third record
    path.eval()(path.lay_out(statistics))
    assert caught["given"][:, :2].tolist() == [[0.0, -0.5], [0.5, 0.0], [0.0, 0.0]]


def test_an_encoder_takes_its_bins_from_the_training_records_once() -> None:
    spec = ModalitySpec("m", "series", (Channel("c", "mV", -10, 10),), steps=6)
    encoder = SeriesEncoder(spec, 3, EncoderConfig(width=4, sequence="none", summary_bins=3))
    assert encoder.summary is not None
    before = encoder.summary.edges.clone()
    x = torch.randn(40, 6, 1, generator=torch.Generator().manual_seed(0))
    seen, valid = torch.ones(40, 6, 1, dtype=torch.bool), torch.ones(40, 6, dtype=torch.bool)
    encoder.adapt(x, seen, valid)
    after = encoder.summary.edges.clone()
    assert not torch.equal(before, after)
    assert after[0].tolist() == pytest.approx(torch.quantile(x.mean(1)[:, 0], torch.linspace(0, 1, 4)).tolist())
    encoder(x, seen, valid)
    assert torch.equal(encoder.summary.edges, after)
    assert "summary.edges" in encoder.state_dict(), "a checkpoint keeps them"
