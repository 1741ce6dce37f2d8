"""Recurrent language models whose cell is a recipe of NAS-Bench-NLP (Klyuchnikov et al., 2020), in plain torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

UNARY: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "activation_tanh": torch.tanh,
    "activation_sigm": torch.sigmoid,
    "activation_leaky_relu": nn.functional.leaky_relu,
}


class Cell(nn.Module):
    """One step of a recipe.

    Args:
        recipe: By name of each node, inputs first: its operation and its inputs.
        inputs: Size of `x`.
        hidden: Size of all states and nodes.
    """

    def __init__(self, recipe: Mapping[str, Mapping[str, Any]], inputs: int, hidden: int) -> None:
        super().__init__()
        self.recipe, self.hidden = recipe, hidden
        self.states = [name for name in (f"h_new_{state}" for state in range(len(recipe))) if name in recipe]
        self.linear = nn.ModuleDict()
        for name, node in recipe.items():
            if node["op"] == "linear":  # of several inputs: the sum of a map of each, with one bias
                self.linear[name] = nn.Linear(sum(inputs if read == "x" else hidden for read in node["input"]), hidden)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))

    def forward(self, x: torch.Tensor, states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The new states `(b, hidden)` of `x` `(b, inputs)` and the states before; the first is the output."""
        known = {"x": x, **{f"h_prev_{number}": state for number, state in enumerate(states)}}
        for name, node in self.recipe.items():
            op, reads = node["op"], [known[read] for read in node["input"]]
            if op == "linear":
                known[name] = self.linear[name](torch.cat(reads, dim=1))
            elif op == "blend":
                gate, one, other = reads
                known[name] = gate * one + (1 - gate) * other
            elif op == "elementwise_prod":
                known[name] = reads[0] * reads[1]
            elif op == "elementwise_sum":
                known[name] = reads[0] + reads[1]
            else:
                known[name] = UNARY[op](reads[0])
        return [known[name] for name in self.states]


class LanguageModel(nn.Module):
    """An embedding, layers of one cell, and the embedding again as a map to what is predicted (Press & Wolf, 2017).

    Args:
        recipe: Of the cell.
        tokens: Number of tokens that are read.
        predicted: How many of these, the first, are predicted.
        sizes: Of the embedding, then of the states of each layer; the last is that of the embedding.
    """

    def __init__(
        self, recipe: Mapping[str, Mapping[str, Any]], tokens: int, predicted: int, sizes: Sequence[int]
    ) -> None:
        super().__init__()
        assert sizes[0] == sizes[-1], (
            f"the embedding is used twice, so its size {sizes[0]} is the last, not {sizes[-1]}"
        )
        self.embedding = nn.Embedding(tokens, sizes[0])
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.layers = nn.ModuleList(Cell(recipe, *pair) for pair in pairwise(sizes))
        self.bias = nn.Parameter(torch.zeros(predicted))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits `(b, predicted, length)` of tokens `(b, length)`, each of the token and those before it."""
        steps = self.embedding(tokens).unbind(dim=1)  # length x (b, size)
        for layer in self.layers:
            assert isinstance(layer, Cell)
            states = [steps[0].new_zeros(len(tokens), layer.hidden) for _ in layer.states]
            outputs = []
            for step in steps:
                states = layer(step, states)
                outputs.append(states[0])
            steps = tuple(outputs)
        hidden = torch.stack(steps, dim=2)  # (b, size, length)
        logits: torch.Tensor = torch.einsum("ps,bsl->bpl", self.embedding.weight[: len(self.bias)], hidden)
        return logits + self.bias[:, None]
