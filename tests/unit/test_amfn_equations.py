"""AMFN's equations against a two-modality example worked by hand (d = 2, one head), and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from amfn.fusion.amfn import AMFN, AMFNConfig, BilinearAttention, PresentNorm, SimilarityGraph, masked_softmax
from amfn.types import Channel, Encoded, ModalitySpec, Schema

TWO = Schema("two", tuple(ModalitySpec(m, "static", (Channel("c", "mV", 0, 1),)) for m in ("a", "b")), ("y",))
E, E2 = math.e, math.e**2


def model(**options: object) -> AMFN:
    """d = 2, one head, prior 1/2 (so the head's bias is 0), dropout off by eval."""
    return AMFN(TWO, AMFNConfig(dim=2, heads=1, **options), (0.5,)).eval()  # type: ignore[arg-type]


def encoded(rows: list[list[float]], present: tuple[bool, bool] = (True, True)) -> Encoded:
    here = torch.tensor([present])
    return Encoded(torch.tensor([rows]) * here[..., None], here)


def put(parameter: torch.Tensor, values: object) -> None:
    with torch.no_grad():
        parameter.copy_(torch.tensor(values))


def test_equation_7_uses_present_rows_only() -> None:
    """Column of modality 0 over its two present rows: 1 and 3, so μ = 2, σ = 1; the absent row's 99 counts nowhere."""
    norm = PresentNorm(1, 1, momentum=1.0, eps=0.0)
    h = torch.tensor([[[1.0]], [[3.0]], [[99.0]]])
    out = norm.train()(h, torch.tensor([[True], [True], [False]]))
    assert out.flatten().tolist() == [-1.0, 1.0, 0.0]
    assert norm.mean.item() == 2.0
    assert norm.var.item() == 2.0  # unbiased, as BatchNorm keeps it: ((1 - 2)² + (3 - 2)²) / (2 - 1)
    frozen = norm.eval()(torch.tensor([[[4.0]]]), torch.tensor([[True]]))
    assert frozen.item() == pytest.approx((4 - 2) / math.sqrt(2))


def test_equation_7_agrees_with_batch_norm() -> None:
    torch.manual_seed(0)
    ours, theirs = PresentNorm(1, 3), torch.nn.BatchNorm1d(3, affine=False)
    for _ in range(3):
        h = torch.randn(8, 1, 3)
        torch.testing.assert_close(ours(h, torch.ones(8, 1, dtype=torch.bool))[:, 0], theirs(h[:, 0]))
    torch.testing.assert_close(ours.mean[0], theirs.running_mean)
    torch.testing.assert_close(ours.var[0], theirs.running_var)


def test_equation_7_leaves_statistics_alone_for_a_single_row() -> None:
    norm = PresentNorm(1, 1, eps=0.0).train()
    out = norm(torch.tensor([[[5.0]], [[7.0]]]), torch.tensor([[True], [False]]))
    assert out.flatten().tolist() == [5.0, 0.0]
    assert (norm.mean.item(), norm.var.item()) == (0.0, 1.0)


def test_equations_8_and_9_by_hand() -> None:
    """h_1 = (1, 0), h_2 = (0, 1), W_a = sqrt(2) [[1, 2], [0, 1]]: the scores h_i W h_j / sqrt(2) are [[1, 2], [0, 1]].

    α_1 = softmax(1, 2) = (1, e) / (1 + e) and α_2 = softmax(0, 1), the same. Then ĥ_1 = α_11 h_1 + α_12 h_2, and
    h_1 + ĥ_1 = (1 + α_11, α_12); LayerNorm of two numbers p > q is (+1, -1).
    """
    attention = BilinearAttention(2, 1)
    root = math.sqrt(2)
    put(attention.form, [[[root, 2 * root], [0.0, root]]])
    out, alpha = attention(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([[True, True]]))
    row = [1 / (1 + E), E / (1 + E)]
    torch.testing.assert_close(alpha, torch.tensor([[[row, row]]]))
    torch.testing.assert_close(out, torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]]), atol=1e-4, rtol=0)


def test_equation_8_masks_absent_modalities() -> None:
    attention = BilinearAttention(2, 1)
    _, alpha = attention(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), torch.tensor([[True, False]]))
    assert alpha.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]


def test_equation_8_keeps_heads_apart() -> None:
    """Two heads of width 1: head a sees only its own slice."""
    attention = BilinearAttention(2, 2)
    put(attention.form, [[[1.0]], [[2.0]]])
    h = torch.tensor([[[1.0, 3.0], [2.0, -1.0]]])
    _, alpha = attention(h, torch.tensor([[True, True]]))
    first = torch.tensor([[1.0 * 1 * 1, 1.0 * 1 * 2], [2.0 * 1 * 1, 2.0 * 1 * 2]]).softmax(-1)
    second = torch.tensor([[3.0 * 2 * 3, 3.0 * 2 * -1], [-1.0 * 2 * 3, -1.0 * 2 * -1]]).softmax(-1)
    torch.testing.assert_close(alpha[0], torch.stack([first, second]))


def test_equations_10_and_11_by_hand() -> None:
    """h_1 = (1, 0), h_2 = (0, 2): cos = 0 off the diagonal, so (1 + cos) / 2 is [[1, ½], [½, 1]] and A its rows over
    1.5: [[⅔, ⅓], [⅓, ⅔]]. With W = I, A H = [[⅔, ⅔], [⅓, 4/3]]; all positive, so H' = H + A H."""
    graph = SimilarityGraph(2, 1)
    put(next(graph.parameters()), [[1.0, 0.0], [0.0, 1.0]])
    out, adjacency = graph(torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]), torch.tensor([[True, True]]))
    torch.testing.assert_close(adjacency, torch.tensor([[[2 / 3, 1 / 3], [1 / 3, 2 / 3]]]))
    torch.testing.assert_close(out, torch.tensor([[[5 / 3, 2 / 3], [1 / 3, 10 / 3]]]))


def test_equation_10_survives_opposite_embeddings() -> None:
    """cos = -1 gives a similarity of zero, not a negative row sum."""
    _, adjacency = SimilarityGraph(2, 0)(torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]), torch.tensor([[True, True]]))
    torch.testing.assert_close(adjacency, torch.eye(2)[None])


def test_equation_11_clips_at_zero_and_keeps_the_residual() -> None:
    graph = SimilarityGraph(2, 1)
    put(next(graph.parameters()), [[-1.0, 0.0], [0.0, -1.0]])
    h = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    torch.testing.assert_close(graph(h, torch.tensor([[True, True]]))[0], h)


def test_equations_13_15_and_16_by_hand() -> None:
    """No norm, attention or graph. h_1 = (1, 0), h_2 = (0, 2); w_1 = 0 gives γ_1 = ½, w_2 = (0, ½ ln 3) gives
    γ_2 = σ(ln 3) = ¾; gated_1 = (½, 0), gated_2 = (0, 1.5). q = (2, 2): q · gated = 1 and 3, so β = softmax(1, 3) =
    (1, e²) / (1 + e²). Head w = (4, 2), b = 0: the parts are β_1 · 4 · ½ = 2 β_1 and β_2 · 2 · 1.5 = 3 β_2."""
    amfn = model(normalise=False, attention=False, graph_layers=0)
    assert amfn.gate is not None
    assert amfn.query is not None
    put(amfn.gate, [[0.0, 0.0], [0.0, math.log(3) / 2]])
    put(amfn.query, [2.0, 2.0])
    put(amfn.head.weight, [[4.0, 2.0]])
    prediction = amfn.fuse(encoded([[1.0, 0.0], [0.0, 2.0]]))
    beta = [1 / (1 + E2), E2 / (1 + E2)]
    trace = prediction.trace
    torch.testing.assert_close(trace.gates, torch.tensor([[0.5, 0.75]]))
    torch.testing.assert_close(trace.weights, torch.tensor([beta]))
    torch.testing.assert_close(prediction.embedding, torch.tensor([[beta[0] * 0.5, beta[1] * 1.5]]))
    torch.testing.assert_close(trace.node_logits, torch.tensor([[[2 * beta[0]], [3 * beta[1]]]]))
    assert prediction.logits.item() == pytest.approx(2 * beta[0] + 3 * beta[1], abs=1e-6)
    assert trace.attention is None
    assert trace.adjacency is None


def test_a_missing_modality_leaves_all_weight_to_the_other() -> None:
    trace = model().fuse(encoded([[1.0, 0.0], [0.0, 2.0]], (False, True))).trace
    assert trace.weights is not None
    assert trace.gates is not None
    assert trace.weights.tolist() == [[0.0, 1.0]]
    assert trace.gates[0, 0].item() == 0.0


def test_all_absent_is_the_prior() -> None:
    amfn = AMFN(TWO, AMFNConfig(dim=2, heads=1), (0.14,)).eval()
    prediction = amfn.fuse(encoded([[9.0, 9.0], [9.0, 9.0]], (False, False)))
    assert torch.sigmoid(prediction.logits).item() == pytest.approx(0.14)
    assert prediction.trace.bias is not None
    assert prediction.trace.bias.item() == pytest.approx(math.log(0.14 / 0.86))


def test_concatenation_is_section_3_3_3() -> None:
    """Z = [gated_1, gated_2] = (½, 0, 0, 1), w = (1, 2, 3, 4): parts ½ and 4."""
    amfn = model(normalise=False, attention=False, graph_layers=0, fusion="concat")
    assert amfn.gate is not None
    put(amfn.gate, [[0.0, 0.0], [0.0, 0.0]])
    put(amfn.head.weight, [[1.0, 2.0, 3.0, 4.0]])
    prediction = amfn.fuse(encoded([[1.0, 0.0], [0.0, 2.0]]))
    assert prediction.trace.weights is None
    torch.testing.assert_close(prediction.trace.node_logits, torch.tensor([[[0.5], [4.0]]]))
    assert prediction.logits.item() == pytest.approx(4.5)


def test_whole_network_against_plain_loops() -> None:
    """The vectorised network against a straight transcription of the equations in numpy, with one modality absent."""
    torch.manual_seed(3)
    schema = Schema("five", tuple(ModalitySpec(m, "static", (Channel("c", "mV", 0, 1),)) for m in "abcde"), ("y",))
    amfn = AMFN(schema, AMFNConfig(dim=8, heads=2), (0.2,)).eval()
    assert amfn.norm is not None
    assert amfn.attention is not None
    assert amfn.graph is not None
    assert amfn.gate is not None
    assert amfn.query is not None
    with torch.no_grad():
        amfn.norm.mean.normal_()
        amfn.norm.var.uniform_(0.5, 2)
    h = torch.randn(1, 5, 8)
    present = torch.tensor([[True, True, False, True, True]])
    out = amfn.fuse(Encoded(h * present[..., None], present))
    here = [0, 1, 3, 4]

    def value(t: torch.Tensor | None) -> np.ndarray:
        assert t is not None
        return t.detach().double().numpy()

    z = {i: (value(h)[0, i] - value(amfn.norm.mean)[i]) / np.sqrt(value(amfn.norm.var)[i] + 1e-5) for i in here}
    form = value(amfn.attention.form)
    mixed = {}
    for i in here:
        parts = []
        for a in range(2):
            cut = slice(4 * a, 4 * a + 4)
            score = np.array([z[i][cut] @ form[a] @ z[j][cut] / 2 for j in here])  # sqrt(d / H) = 2
            alpha = np.exp(score) / np.exp(score).sum()
            np.testing.assert_allclose(value(out.trace.attention)[0, a, i, here], alpha, rtol=1e-4)
            parts.append(sum(w * z[j][cut] for w, j in zip(alpha, here, strict=True)))
        row = z[i] + np.concatenate(parts)
        mixed[i] = (row - row.mean()) / np.sqrt(row.var() + 1e-5)
    cosine = {
        (i, j): mixed[i] @ mixed[j] / np.linalg.norm(mixed[i]) / np.linalg.norm(mixed[j]) for i in here for j in here
    }
    node = mixed
    for layer in amfn.graph.parameters():
        weight = value(layer)
        node = {
            i: node[i]
            + np.maximum(
                sum((1 + cosine[i, j]) / sum(1 + cosine[i, k] for k in here) * (weight @ node[j]) for j in here), 0
            )
            for i in here
        }
    gamma = {i: 1 / (1 + np.exp(-value(amfn.gate)[i] @ node[i])) for i in here}
    gated = {i: gamma[i] * node[i] for i in here}
    score = np.array([value(amfn.query) @ gated[i] for i in here])
    beta = np.exp(score) / np.exp(score).sum()
    fused = sum(w * gated[i] for w, i in zip(beta, here, strict=True))
    logit = value(amfn.head.weight)[0] @ fused + value(amfn.head.bias)[0]
    assert out.logits.item() == pytest.approx(logit, abs=1e-4)
    np.testing.assert_allclose(value(out.trace.weights)[0, here], beta, rtol=1e-3)
    np.testing.assert_allclose(value(out.trace.gates)[0, here], [gamma[i] for i in here], rtol=1e-3)


def test_masked_softmax_of_nothing_is_zero() -> None:
    out = masked_softmax(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[False, False], [True, False]]))
    assert out.tolist() == [[0.0, 0.0], [1.0, 0.0]]
