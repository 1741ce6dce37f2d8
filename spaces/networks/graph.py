"""Message-passing networks over one graph: the layers of NAS-Bench-Graph, in plain torch (Qin et al., 2022).

Every layer maps the states of all nodes `(n, c_in)` to new states `(n, c_out)`, with the same computation and number of
parameters as the layer of PyTorch Geometric used by the authors. `nasbench.measures.flops` counts linear maps only,
without sums along edges, edge weights and the attention products of `GAT`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.tasks.nodes import NodeClassification

HEADS = 4
"""Attention heads of `gat`; the number of parameters is the same for every divisor of the width."""


class Edges(nn.Module):
    """Edges of a graph of `n` nodes and their weights; moves with the network, but is not stored."""

    source: torch.Tensor
    target: torch.Tensor
    degree: torch.Tensor
    normal: torch.Tensor

    def __init__(self, edges: torch.Tensor, n: int) -> None:
        super().__init__()
        source, target = edges
        degree = torch.zeros(n).index_add(0, target, torch.ones(len(target)))
        self.n = n
        self.register_buffer("source", source, persistent=False)
        self.register_buffer("target", target, persistent=False)
        self.register_buffer("degree", degree, persistent=False)
        self.register_buffer("normal", (degree[source] * degree[target]).clamp(min=1).rsqrt(), persistent=False)

    def sum(self, x: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """Sum of the neighbours' `x` `(n, ...)` at each node, weighted by edge weights `(e,)`."""
        messages = x[self.source] if weight is None else x[self.source] * weight.view(-1, *(1,) * (x.dim() - 1))
        return torch.zeros_like(x).index_add(0, self.target, messages.to(x.dtype))

    def mean(self, x: torch.Tensor) -> torch.Tensor:
        """Mean of the neighbours `(n, width)`; zeros for nodes without neighbours."""
        return self.sum(x) / self.degree.clamp(min=1)[:, None]


class GCN(nn.Module):
    """`D^-1/2 (A + I) D^-1/2 x W` with the degrees D of A + I (Kipf & Welling, 2017, equation 2)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(c_in, c_out)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New hidden states."""
        scale = (edges.degree + 1).rsqrt()[:, None]
        scaled = x * scale
        result: torch.Tensor = self.linear((edges.sum(scaled) + scaled) * scale)
        return result


class GAT(nn.Module):
    """Attention over the neighbours and the node itself, in `HEADS` heads (Velickovic et al., 2018, equations 1 to 5).

    Its FLOPs are those of `linear`; scores and weights of edges are not counted.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(c_in, c_out, bias=False)
        self.attention = nn.Parameter(torch.empty(2, HEADS, c_out // HEADS))
        self.bias = nn.Parameter(torch.zeros(c_out))
        nn.init.xavier_uniform_(self.attention)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New hidden states."""
        h = self.linear(x).view(edges.n, HEADS, -1)
        sent, received = (h * self.attention[:, None]).sum(dim=-1)  # (n, heads) each
        loop = torch.arange(edges.n, device=x.device)
        source, target = torch.cat([edges.source, loop]), torch.cat([edges.target, loop])
        score = nn.functional.leaky_relu(sent[source] + received[target], 0.2).float()  # (e + n, heads)
        index = target[:, None].expand_as(score)
        largest = torch.full((edges.n, HEADS), -torch.inf, device=x.device).scatter_reduce(0, index, score, "amax")
        weight = (score - largest.detach()[target]).exp()
        total = torch.zeros_like(largest).index_add(0, target, weight)
        share = (weight / total[target]).to(h.dtype)
        return torch.zeros_like(h).index_add(0, target, h[source] * share[..., None]).flatten(1) + self.bias


class GIN(nn.Module):
    """A linear map of the sum of the node and its neighbours (Xu et al., 2019, equation 4.1, epsilon = 0)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(c_in, c_out)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New hidden states."""
        result: torch.Tensor = self.linear(x + edges.sum(x))
        return result


class Cheb(nn.Module):
    """Chebyshev polynomials of first order: `x W0 - D^-1/2 A D^-1/2 x W1` (Defferrard et al., 2016, eq. 4)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.zeroth, self.first = nn.Linear(c_in, c_out), nn.Linear(c_in, c_out, bias=False)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New hidden states."""
        result: torch.Tensor = self.zeroth(x) - self.first(edges.sum(x, edges.normal))
        return result


class Pair(nn.Module):
    """A linear map of the node plus a linear map of the sum of its neighbours."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.own, self.others = nn.Linear(c_in, c_out), nn.Linear(c_in, c_out, bias=False)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New hidden states."""
        result: torch.Tensor = self.own(x) + self.others(self.neighbours(x, edges))
        return result

    def neighbours(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """Sum of the neighbours: the k-GNN with k = 1 (Morris et al., 2019, equation 3)."""
        return edges.sum(x)


class SAGE(Pair):
    """GraphSAGE with the mean of the neighbours (Hamilton et al., 2017, algorithm 1)."""

    def neighbours(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """Mean of the neighbours."""
        return edges.mean(x)


class ARMA(Pair):
    """One autoregressive moving average filter and its ReLU (Bianchi et al., 2021, equation 11).

    `later` is the matrix of the steps after the first. There are none, so it is unused; but the layer of PyTorch
    Geometric has it too, and the published numbers of parameters count it.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out)
        self.later = nn.Parameter(torch.empty(c_out, c_out))
        nn.init.xavier_uniform_(self.later)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New, non-negative hidden states."""
        return super().forward(x, edges).relu()

    def neighbours(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """`D^-1/2 A D^-1/2 x`."""
        return edges.sum(x, edges.normal)


class Fully(nn.Module):
    """A linear map of the node, without messages along edges."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(c_in, c_out)

    def forward(self, x: torch.Tensor, edges: Edges) -> torch.Tensor:
        """New hidden states."""
        result: torch.Tensor = self.linear(x)
        return result


LAYERS: dict[str, type[nn.Module]] = {
    "gat": GAT,
    "gcn": GCN,
    "gin": GIN,
    "cheb": Cheb,
    "sage": SAGE,
    "arma": ARMA,
    "graph": Pair,
    "fc": Fully,
}


class GraphNetwork(nn.Module):
    """A tree of layers over one graph, and a linear map of its rectified, concatenated leaves.

    Each layer, skips included, has its own batch normalisation and ReLU before its input. Raw features, before any
    linear map, are read without them; the unused normalisations exist all the same, as in the published networks.

    Args:
        links: Source of each layer: 0 for the input, or an earlier layer, counted from 1.
        ops: Name of each layer in `LAYERS`, or `skip`.
        task: The graph.
        width: Size of all hidden states.
        before: Number of linear maps of the features before the tree, 0 or 1.
        after: Number of linear maps after the map of the joined leaves, 0 or 1.
    """

    features: torch.Tensor

    def __init__(
        self, links: Sequence[int], ops: Sequence[str], task: NodeClassification, width: int, before: int, after: int
    ) -> None:
        super().__init__()
        if width % HEADS:
            raise InputError(f"the width of graph networks is divided among {HEADS} heads, got {width} channels")
        self.links = links
        self.register_buffer("features", torch.from_numpy(task.features), persistent=False)
        self.edges = Edges(torch.from_numpy(task.edges), len(task.features))
        features = task.features.shape[1]
        self.before = nn.Linear(features, width) if before else nn.Identity()
        raw, sizes = [not before], [width if before else features]
        self.layers = nn.ModuleDict()
        for node, (link, op) in enumerate(zip(links, ops, strict=True), start=1):
            raw.append(raw[link] and op == "skip")
            sizes.append(sizes[link] if op == "skip" else width)
            if op != "skip":
                self.layers[str(node)] = LAYERS[op](sizes[link], width)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in links)
        self.raw = raw
        self.leaves = [node for node in range(1, 1 + len(links)) if node not in links]
        joined = sum(sizes[leaf] for leaf in self.leaves)
        self.join = nn.Linear(joined, width if after else task.classes)
        self.after = nn.Linear(width, task.classes) if after else nn.Identity()

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Logits `(b, classes)` of some nodes, given by number `(b,)`."""
        states = [self.before(self.features)]
        for node, (link, norm) in enumerate(zip(self.links, self.norms, strict=True), start=1):
            state = states[link] if self.raw[link] else norm(states[link]).relu()
            states.append(self.layers[str(node)](state, self.edges) if str(node) in self.layers else state)
        output = torch.cat([states[leaf] for leaf in self.leaves], dim=1)  # (n, sizes of the leaves)
        logits: torch.Tensor = self.after(self.join(output[nodes].relu()))
        return logits
