"""DARTS architectures in the hyperparameter names of NAS-Bench-301: one for each edge and pair of inputs.

`inputs_node_<cell>_<k>` names the two inputs of hidden state `k` (2 to 5), as in `0_2`; state 2 has no such name, its
inputs are 0 and 1. `edge_<cell>_<number>` is the operation on an edge; the edges into state `k` are numbered from
k (k - 1) / 2 - 1 on. Unused edges have no value. All names begin with `PREFIX` (Siems et al., 2020, arXiv:2008.09777).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from nasbench.errors import InputError
from nasbench.spaces.cell_pair import CELLS
from nasbench.spaces.darts import DARTS, NODES_PER_CELL
from nasbench.spaces.values import Option
from nasbench.types import GenotypeArray

PREFIX = "NetworkSelectorDatasetInfo:darts:"
ARCHITECTURE = (f"{PREFIX}edge_", f"{PREFIX}inputs_node_")
"""Prefixes of architecture names; a configuration has other names, for the training."""
FIRST_INPUTS = "0_1"
"""Inputs of state 2, which has no choice."""


@cache
def _options() -> dict[str, tuple[Option, ...]]:
    """Choice name -> options of the space."""
    space = DARTS()
    return {name: space.option_names(position) for position, name in enumerate(space.choice_names)}


def from_darts_config(config: Mapping[str, Any]) -> list[int]:
    """The genotype described by a configuration of NAS-Bench-301; other names are ignored.

    Raises:
        InputError: A name is missing or has an unknown value, or an unused edge has an operation.
    """
    options = _options()
    chosen: dict[str, Any] = {}
    taken = set()
    for cell in CELLS:
        for state in range(2, 2 + NODES_PER_CELL):
            name = f"{cell}_{state}_inputs"
            inputs = _checked(config, f"inputs_node_{cell}_{state}", options[name]) if name in options else FIRST_INPUTS
            chosen[name] = inputs
            for side, source in enumerate(inputs.split("_")):
                edge = f"edge_{cell}_{_edge(state, int(source))}"
                taken.add(PREFIX + edge)
                chosen[f"{cell}_{state}_op_{side}"] = _checked(config, edge, options[f"{cell}_{state}_op_{side}"])
    for name, value in config.items():
        if isinstance(name, str) and name.startswith(ARCHITECTURE[0]) and value is not None and name not in taken:
            raise InputError(f"{name.removeprefix(PREFIX)[:40]} has an operation, but no node takes that input")
    return [known.index(chosen[name]) for name, known in options.items()]


def to_darts_config(genotype: GenotypeArray) -> dict[str, str]:
    """The configuration of NAS-Bench-301 for a genotype `(d,)`: 16 edges and six pairs of inputs."""
    chosen = {name: str(known[option]) for (name, known), option in zip(_options().items(), genotype, strict=True)}
    config = {}
    for cell in CELLS:
        for state in range(2, 2 + NODES_PER_CELL):
            inputs = chosen.get(f"{cell}_{state}_inputs")
            if inputs is not None:
                config[f"{PREFIX}inputs_node_{cell}_{state}"] = inputs
            for side, source in enumerate((inputs or FIRST_INPUTS).split("_")):
                config[f"{PREFIX}edge_{cell}_{_edge(state, int(source))}"] = chosen[f"{cell}_{state}_op_{side}"]
    return config


def _edge(state: int, source: int) -> int:
    """Number of the edge between two hidden states."""
    return state * (state - 1) // 2 - 1 + source


def _checked(config: Mapping[str, Any], name: str, known: tuple[Option, ...]) -> str:
    value = config.get(PREFIX + name)
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name} is {str(value)[:40]!r}; its options are {', '.join(map(str, known))}")
    return value
