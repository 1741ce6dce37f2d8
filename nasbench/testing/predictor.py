"""The contract of a predictor: it learns, forgets, repeats itself, and does not mind how nodes are numbered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray

CLOSE = 1e-4
"""What counts as equal where rounding may differ, relative to the spread of the targets (networks are float32)."""


def check_predictor(predictor: Predictor, space: Space, *, learns: bool = True, n: int = 60, seed: int = 0) -> None:
    """Fit a predictor to made targets on architectures of a space and check what it answers.

    The target is easy: a weighted sum of the operations of the cell. The predictor is fitted about ten times.

    Args:
        predictor: Is fitted anew again and again.
        space: Where architectures come from.
        learns: Whether it must beat the mean of the training targets; False for a baseline.
        n: Number of training architectures.
        seed: Draws architectures and targets.

    Raises:
        AssertionError: It breaks the contract; the message names the property.
    """
    rng = np.random.default_rng(seed)
    train, test = _distinct(space, n, rng)
    weight = rng.normal(size=len(space.ops))
    y_train, y_test = (space.features(part, "counts") @ weight for part in (train, test))
    spread = float(y_train.std())

    def fitted(targets: FloatArray, genotypes: GenotypeArray = train) -> Prediction:
        return predictor.fit(space, genotypes, targets).predict(test)

    def same(a: Prediction, b: Prediction, tolerance: float = 0.0, unit: float = spread) -> bool:
        return all(np.allclose(p, q, rtol=0, atol=tolerance * unit) for p, q in zip(a, b, strict=True))

    _check_unfitted(predictor, test)
    copies = train.copy(), y_train.copy()
    first = fitted(y_train)
    assert isinstance(first, Prediction), f"predict returns {type(first).__name__}, not Prediction"
    for name, value in first._asdict().items():
        assert isinstance(value, np.ndarray), f"{name} is {type(value).__name__}, not an array"
        assert value.shape == (len(test),), f"{name} has shape {value.shape}, not ({len(test)},)"
        assert value.dtype == np.float64, f"{name} is {value.dtype}, not float64"
        assert np.isfinite(value).all(), f"a {name} is not finite"
    assert (first.std > 0).all(), f"a standard deviation is not positive: {first.std.min()}"
    assert np.array_equal(train, copies[0]), "fit or predict modifies its genotypes"
    assert np.array_equal(y_train, copies[1]), "fit or predict modifies its targets"
    assert len(predictor.predict(test[:0]).mean) == 0, "no architectures do not give an empty prediction"

    if learns:
        error, baseline = (float(((p - y_test) ** 2).mean()) for p in (first.mean, y_train.mean()))
        assert error < 0.5 * baseline, f"learns nothing: squared error {error:.3g}, that of the mean is {baseline:.3g}"

    again = predictor.predict(test)
    assert same(again, first), "not deterministic: predict answers differently when asked again"
    assert same(fitted(y_train), first), "not deterministic: fitting twice gives two predictors"
    some = rng.permutation(len(test))[: len(test) // 2]
    alone = predictor.predict(test[some])
    assert same(alone, Prediction(*(v[some] for v in first)), CLOSE), "batch dependent: other rows change an answer"
    single = predictor.predict(test[:1])
    assert same(single, Prediction(*(v[:1] for v in first)), CLOSE), "batch dependent: other rows change an answer"

    fitted(rng.normal(size=n // 2), train[n // 2 :][: n // 2])
    assert same(fitted(y_train), first), "remembers an earlier fit"
    other = _renumbered(space, test, rng)
    assert same(predictor.predict(other), first, CLOSE), "depends on the numbering of the nodes"

    moved = fitted(3.0 + 100 * y_train)
    back = Prediction((moved.mean - 3.0) / 100, moved.std / 100)
    assert same(back, first, 100 * CLOSE), "not equivariant: another unit of the targets changes the answer"
    flat = fitted(np.full(n, 7.0))
    assert np.allclose(flat.mean, 7.0, rtol=0.01), "constant targets are not predicted to stay constant"
    assert np.isfinite(flat.std).all(), "constant targets give a standard deviation that is not finite"
    assert (flat.std > 0).all(), "constant targets give a standard deviation that is not positive"
    twice = fitted(np.concatenate([y_train, y_train + 0.1 * spread]), np.concatenate([train, train]))
    assert np.isfinite(twice).all(), "an architecture with two targets gives a prediction that is not finite"
    few = predictor.min_samples
    assert np.isfinite(fitted(y_train[:few], train[:few])).all(), f"{few} architectures give no finite prediction"

    _check_refusals(predictor, space, train, y_train)
    _check_storage(predictor.fit(space, train, y_train), space, test)


def _check_unfitted(predictor: Predictor, test: GenotypeArray) -> None:
    fresh = type(predictor)(**predictor.parameters())
    _refused(lambda: fresh.predict(test), "predicting before fit")


def _check_refusals(predictor: Predictor, space: Space, train: GenotypeArray, y: FloatArray) -> None:
    for bad in (np.nan, np.inf):
        targets = y.copy()
        targets[1] = bad
        _refused(lambda targets=targets: predictor.fit(space, train, targets), f"a target that is {bad}")  # type: ignore[misc]
    _refused(lambda: predictor.fit(space, train, y[:-1]), "fewer targets than architectures")
    few = predictor.min_samples - 1
    _refused(lambda: predictor.fit(space, train[:few], y[:few]), f"{few} architectures, below the minimum")
    _refused(lambda: predictor.fit(space, train[:, :-1], y), "genotypes of a wrong length")


def _check_storage(predictor: Predictor, space: Space, test: GenotypeArray) -> None:
    parameters = predictor.parameters()
    assert json.loads(json.dumps(parameters)) == parameters, "parameters() are not JSON values"
    state: dict[str, npt.NDArray[Any]] = predictor.state()
    for name, array in state.items():
        assert isinstance(array, np.ndarray), f"state {name!r} is {type(array).__name__}, not an array"
        assert array.dtype.kind in "biuf", f"state {name!r} holds {array.dtype}, not numbers"
    copied = {name: array.copy() for name, array in state.items()}
    restored = type(predictor)(**parameters).restore(space, copied)
    assert restored.parameters() == parameters, "parameters() does not reconstruct the predictor"
    before, after = predictor.predict(test), restored.predict(test)
    for a, b in zip(before, after, strict=True):
        assert np.array_equal(a, b), "a restored predictor predicts differently"


def _refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except InputError:
        return
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}, not InputError") from error
    raise AssertionError(f"{what} is not refused")


def _distinct(space: Space, n: int, rng: np.random.Generator) -> tuple[GenotypeArray, GenotypeArray]:
    """Different architectures: `n` to train on and as many to test."""
    sampled = space.sample(8 * n, rng)
    _, first = np.unique(space.key(sampled), return_index=True)
    chosen = sampled[np.sort(first)][: 2 * n]
    assert len(chosen) > n, f"{space.name} is too small to check a predictor on {n} of its architectures"
    return chosen[:n], chosen[n:]


def _renumbered(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
    """Genotypes `(n, d)` that write the same networks otherwise where the space allows it."""
    import networkx as nx

    rows = []
    for genotype in genotypes:
        graph = space.graph(genotype)
        nodes = list(graph)
        renamed = nx.relabel_nodes(graph, dict(zip(nodes, rng.permutation(len(nodes)).tolist(), strict=True)))
        shuffled: nx.DiGraph[int] = nx.DiGraph()
        shuffled.add_nodes_from(sorted(renamed.nodes(data=True)))
        shuffled.add_edges_from(sorted(renamed.edges))
        rows.append(space.genotype(shuffled))
    return np.stack(rows)
