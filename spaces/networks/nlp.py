"""Recurrent language models with a cell of NAS-Bench-NLP (Klyuchnikov et al., 2020), in plain torch."""

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
        recipe: Node name -> operation and inputs, in topological order.
        inputs: Size of `x`.
        hidden: Size of all states and nodes.
    """

    def __init__(self, recipe: Mapping[str, Mapping[str, Any]], inputs: int, hidden: int) -> None:
        super().__init__()
        self.recipe, self.hidden = recipe, hidden
        self.states = [name for name in (f"h_new_{state}" for state in range(len(recipe))) if name in recipe]
        self.linear = nn.ModuleDict()
        for name, node in recipe.items():
            if node["op"] == "linear":  # a sum of one linear map per input, with one bias
                self.linear[name] = nn.Linear(sum(inputs if read == "x" else hidden for read in node["input"]), hidden)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))

    def forward(self, x: torch.Tensor, states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """New states `(b, hidden)` from `x` `(b, inputs)` and the previous states; the first is the output."""
        known = {"x": x, **{f"h_prev_{number}": state for number, state in enumerate(states)}}
        for name, node in self.recipe.items():
            op, reads = node["op"], [known[read] for read in node["input"]]
            if op == "linear":
                known[name] = self.linear[name](torch.cat(reads, dim=1))
            elif op == "blend":
                gate, a, b = reads
                known[name] = gate * a + (1 - gate) * b
            elif op == "elementwise_prod":
                known[name] = reads[0] * reads[1]
            elif op == "elementwise_sum":
                known[name] = reads[0] + reads[1]
            else:
                known[name] = UNARY[op](reads[0])
        return [known[name] for name in self.states]


class LanguageModel(nn.Module):
    """An embedding, layers of one cell, and the tied embedding as output map (Press & Wolf, 2017).

    Args:
        recipe: Recipe of the cell.
        tokens: Number of input tokens.
        predicted: Number of output tokens: the first of the input tokens.
        sizes: Size of the embedding, then of the states of each layer; the last equals the first.
    """

    def __init__(
        self, recipe: Mapping[str, Mapping[str, Any]], tokens: int, predicted: int, sizes: Sequence[int]
    ) -> None:
        super().__init__()
        assert sizes[0] == sizes[-1], f"the embedding is tied, so the last size is {sizes[0]}, not {sizes[-1]}"
        self.embedding = nn.Embedding(tokens, sizes[0])
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.layers = nn.ModuleList(Cell(recipe, *pair) for pair in pairwise(sizes))
        self.bias = nn.Parameter(torch.zeros(predicted))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits `(b, predicted, length)` of tokens `(b, length)`, each from the token and those before it."""
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
