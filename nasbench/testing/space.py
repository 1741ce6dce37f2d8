"""The contract of a search space: round trips, symmetric neighbourhoods, keys exact up to isomorphism."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from nasbench.spaces.base import Space
from nasbench.testing import space_arrays as arrays
from nasbench.testing import space_draws as draws
from nasbench.testing import space_forms as forms
from nasbench.testing import space_identity as identity
from nasbench.testing import space_moves as moves
from nasbench.testing.randomness import check_untouched, global_states
from nasbench.types import GenotypeArray

T = TypeVar("T")


def check_space(space: Space, seed: int = 0, n: int = 64) -> None:
    """Check everything that a space promises.

    Args:
        space: The space.
        seed: Seed of all random choices.
        n: Number of sampled architectures; checks of graphs and networks use fewer.

    Raises:
        AssertionError: A promise is broken; the message begins with the name of the check.
    """
    import networkx  # noqa: F401  # before the global generators are looked at: libraries may draw while imported
    import torch  # noqa: F401

    genotypes = _named("sample", space, space.sample, n, np.random.default_rng(seed))
    for index, (name, check) in enumerate(_CHECKS.items()):
        passed, states = genotypes.copy(), global_states()
        _named(name, space, check, space, passed, np.random.default_rng((seed, index)))
        check_untouched(states, f"{name}: {space.name}")
        assert np.array_equal(passed, genotypes), f"{name}: {space.name} changes its input genotypes"


def _named(name: str, space: Space, call: Callable[..., T], *args: Any) -> T:
    """The result of a call; errors become assertion errors that begin with a name."""
    try:
        return call(*args)
    except AssertionError as error:
        raise AssertionError(f"{name}: {space.name} {error}") from error
    except Exception as error:
        raise AssertionError(f"{name}: {space.name} raises {type(error).__name__}: {error}") from error


_CHECKS: dict[str, Callable[[Space, GenotypeArray, np.random.Generator], None]] = {
    "facts": forms.check_facts,
    "sample": draws.check_sample,
    "no rows": arrays.check_no_rows,
    "determinism": draws.check_determinism,
    "refusal": forms.check_refusal,
    "text": forms.check_text,
    "graph": forms.check_graph,
    "names": forms.check_names,
    "code": forms.check_code,
    "key": identity.check_key,
    "function_key": identity.check_function_key,
    "canonical": identity.check_canonical,
    "neighbours": moves.check_neighbours,
    "neighbours_of": moves.check_neighbours_of,
    "mutate": moves.check_mutate,
    "repair": moves.check_repair,
    "crossover": moves.check_crossover,
    "distance": moves.check_distance,
    "adjacency_arrays": arrays.check_adjacency_arrays,
    "features": arrays.check_features,
    "own arrays": arrays.check_own_arrays,
    "enumerate": draws.check_enumerate,
    "sample_unique": draws.check_sample_unique,
    "network": arrays.check_network,
}
