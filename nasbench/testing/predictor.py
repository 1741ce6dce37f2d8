"""Contract of predictors: one learns, forgets, repeats itself, and ignores the numbering of nodes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Prediction, Predictor
from nasbench.spaces.base import Space
from nasbench.testing.ownership import check_apart
from nasbench.testing.randomness import check_untouched, global_states
from nasbench.types import FloatArray, GenotypeArray

CLOSE = 1e-4
"""Tolerance for rounding, relative to the spread of the targets (networks are float32)."""
DRAWS = 400


def check_predictor(predictor: Predictor, space: Space, *, learns: bool = True, n: int = 60, seed: int = 0) -> None:
    """Fit a predictor to made targets on architectures of a space and check its answers.

    The target is easy: a weighted sum of the operations of the cell. The predictor is fitted about ten times. Columns
    and curves that it needs are made up; one that takes `features` must also learn from a column and a curve.

    Args:
        predictor: Is fitted anew again and again.
        space: Source of architectures.
        learns: Whether it must beat the mean of the training targets; False for a baseline.
        n: Number of training architectures.
        seed: Draws architectures and targets.

    Raises:
        AssertionError: It breaks the contract; the message names the property.
    """
    rng = np.random.default_rng(seed)
    train, test = (_inputs(predictor, space, genotypes, rng) for genotypes in _distinct(space, n, rng))
    weight = rng.normal(size=len(space.ops))
    y_train, y_test = (space.features(part.genotypes, "counts") @ weight for part in (train, test))
    spread = float(y_train.std())

    def fitted(targets: FloatArray, inputs: Inputs = train) -> Prediction:
        return predictor.fit(inputs, targets).predict(test)

    def same(a: Prediction, b: Prediction, tolerance: float = 0.0, unit: float = spread) -> bool:
        return all(np.allclose(p, q, rtol=0, atol=tolerance * unit) for p, q in zip(a, b, strict=True))

    _check_unfitted(predictor, test)
    with _untouched(train, test, targets=y_train):
        type(predictor)(**predictor.get_params()).pretrain([(train, y_train)])
        first = fitted(y_train)
    states = global_states()  # only now: libraries may draw while they are imported
    _check_form(first, test)
    assert len(predictor.predict(test[:0]).mean) == 0, "no architectures do not give an empty prediction"
    if learns:
        _check_learns(first.mean, y_test, float(y_train.mean()), "learns nothing")

    again = predictor.predict(test)
    assert same(again, first), "not deterministic: predict answers differently when asked again"
    assert same(fitted(y_train), first), "not deterministic: fitting twice gives two predictors"
    some = rng.permutation(len(test))[: len(test) // 2]
    alone = predictor.predict(test[some])
    assert same(alone, Prediction(*(v[some] for v in first)), CLOSE), "batch dependent: other rows change an answer"
    single = predictor.predict(test[:1])
    assert same(single, Prediction(*(v[:1] for v in first)), CLOSE), "batch dependent: other rows change an answer"
    with _untouched(test, targets=y_train):
        _check_draws(predictor, test, first, rng)
    _check_own_arrays(predictor, train, y_train, test, first)

    fitted(rng.normal(size=n // 2), train[n // 2 :][: n // 2])
    assert same(fitted(y_train), first), "remembers an earlier fit"
    other = replace(test, genotypes=_renumbered(space, test.genotypes, rng))
    assert same(predictor.predict(other), first, CLOSE), "depends on the numbering of the nodes"

    moved = fitted(3.0 + 100 * y_train)
    back = Prediction((moved.mean - 3.0) / 100, moved.std / 100)
    assert same(back, first, 100 * CLOSE), (
        "not equivariant: another unit of the targets changes the answer; trees decide ties by rounding, so a model of "
        "trees should round what it learns from, as in `z = np.round(z, 6)` at the start of _fit"
    )
    flat = fitted(np.full(n, 7.0))
    assert np.allclose(flat.mean, 7.0, rtol=0.01), "constant targets are not predicted to stay constant"
    assert np.isfinite(flat.std).all(), "constant targets give a standard deviation that is not finite"
    assert (flat.std > 0).all(), "constant targets give a standard deviation that is not positive"
    twice = fitted(np.concatenate([y_train, y_train + 0.1 * spread]), train[[*range(n), *range(n)]])
    assert np.isfinite(twice).all(), "an architecture with two targets gives a prediction that is not finite"
    few = predictor.min_samples
    assert np.isfinite(fitted(y_train[:few], train[:few])).all(), f"{few} architectures give no finite prediction"

    _check_refusals(predictor, train, y_train)
    _check_parameters(predictor)
    _check_storage(predictor.fit(train, y_train), space, test)
    if learns and isinstance(predictor.get_params().get("features"), str):
        _check_columns(predictor, train, test, rng)
        _check_constant_column(predictor, train, test, y_train)
    check_untouched(states, type(predictor).__name__)


def _inputs(predictor: Predictor, space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> Inputs:
    """Architectures with made-up columns and a made-up curve, as far as the predictor needs them."""
    needs, n = predictor.needs, len(genotypes)
    columns = {name: rng.normal(size=n) for name in needs.columns if name not in space.feature_kinds}
    curve = rng.normal(size=(n, needs.epochs)).cumsum(axis=1) if needs.epochs else None
    return Inputs.of(space, genotypes, columns=columns, curve=curve)


@contextmanager
def _untouched(*inputs: Inputs, targets: FloatArray) -> Iterator[None]:
    """Whatever is called within does not change what it is given."""
    before, kept = [_bytes(part) for part in inputs], targets.copy()
    try:
        yield
    except (TypeError, ValueError) as error:
        assert "read-only" not in str(error) and "mappingproxy" not in str(error), (
            f"writes to its inputs, which others read too; copy what is to be changed: {error}"
        )
        raise
    assert [_bytes(part) for part in inputs] == before, "modifies its inputs"
    assert np.array_equal(targets, kept), "modifies its targets"


def _bytes(inputs: Inputs) -> list[bytes]:
    """All numbers in some inputs."""
    arrays = (inputs.genotypes, inputs.curve, *(inputs.columns[name] for name in sorted(inputs.columns)))
    return [array.tobytes() for array in arrays if array is not None]


def _check_own_arrays(predictor: Predictor, train: Inputs, y: FloatArray, test: Inputs, prediction: Prediction) -> None:
    """Who changes the targets after a fit, or what the predictor returned, does not change its answers."""
    targets = y.copy()
    predictor.fit(train, targets)
    returned: dict[str, Callable[[], Any]] = {
        "predict": lambda: predictor.predict(test),
        "predict_transformed": lambda: predictor.predict_transformed(test),
        "sample": lambda: predictor.sample(test, 2, np.random.default_rng(0)),
        "transform": lambda: predictor.transform(targets),
    }
    for name, call in returned.items():
        check_apart(call(), call(), f"returns the same memory from two calls of {name}: return copies")
    targets[:] = 0.0
    for a, b in zip(predictor.predict(test), prediction, strict=True):
        assert np.array_equal(a, b), "goes on using the array of targets that it was fitted to: copy it"


def _check_form(prediction: Prediction, test: Inputs) -> None:
    assert isinstance(prediction, Prediction), f"predict returns {type(prediction).__name__}, not Prediction"
    for name, value in prediction._asdict().items():
        assert isinstance(value, np.ndarray), f"{name} is {type(value).__name__}, not an array"
        assert value.shape == (len(test),), f"{name} has shape {value.shape}, not ({len(test)},)"
        assert value.dtype == np.float64, f"{name} is {value.dtype}, not float64"
        assert np.isfinite(value).all(), f"a {name} is not finite"
    assert (prediction.std > 0).all(), f"a standard deviation is not positive: {prediction.std.min()}"


def _check_learns(mean: FloatArray, y: FloatArray, centre: float, fault: str) -> None:
    error, baseline = (float(((p - y) ** 2).mean()) for p in (mean, centre))
    assert error < 0.5 * baseline, f"{fault}: squared error {error:.3g}, that of the mean is {baseline:.3g}"


def _check_draws(predictor: Predictor, test: Inputs, prediction: Prediction, rng: np.random.Generator) -> None:
    """Draws agree with the predicted moments, within what their number tells."""
    state = rng.bit_generator.state
    draws = predictor.sample(test, DRAWS, rng)
    assert draws.shape == (DRAWS, len(test)), f"draws have shape {draws.shape}, not ({DRAWS}, {len(test)})"
    assert np.isfinite(draws).all(), "a draw is not finite"
    rng.bit_generator.state = state
    assert np.array_equal(predictor.sample(test, DRAWS, rng), draws), "the same rng gives other draws"
    error = np.abs(draws.mean(axis=0) - prediction.mean) / prediction.std
    assert np.mean(error) < 5 / np.sqrt(DRAWS), "the mean of the draws is not the predicted mean"
    ratio = draws.std(axis=0) / prediction.std
    assert 0.8 < np.median(ratio) < 1.25, "the spread of the draws is not the predicted standard deviation"


def _check_columns(predictor: Predictor, train: Inputs, test: Inputs, rng: np.random.Generator) -> None:
    """A column, and a curve, that determine the target are learnt from where `features` names nothing else."""
    for name, epochs in (("made_up", 0), ("curve@3", 3)):
        apart = type(predictor)(**predictor.get_params()).set_params(features=name)
        assert (name in apart.needs.columns) or apart.needs.epochs == epochs > 0, (
            f"does not say that it needs {name!r}, which its features name; see Predictor.needs"
        )
        parts, targets = [], []
        for part in (train, test):
            signal = rng.normal(size=(len(part), 3)).cumsum(axis=1)
            told = {"columns": {**part.columns, name: signal[:, -1]}} if not epochs else {}
            seen = {"curve": signal, "epochs": (1, 2, 3)} if epochs else {}
            parts.append(replace(part, **told, **seen))  # type: ignore[arg-type]
            targets.append(signal[:, -1])
        mean = apart.fit(parts[0], targets[0]).predict(parts[1]).mean
        _check_learns(mean, targets[1], float(targets[0].mean()), f"learns nothing from {name!r}")
        bare = replace(train, columns={}, curve=None, epochs=())
        refused = partial(apart.fit, bare, targets[0])
        _refused(refused, f"inputs without {name!r}")
        _refused(partial(apart.predict, parts[1]), "predicting after a fit that was refused")


def _check_constant_column(predictor: Predictor, train: Inputs, test: Inputs, y: FloatArray) -> None:
    """Where a column was the same for all that was learnt from, another number does not move predictions far away."""
    apart = type(predictor)(**predictor.get_params())
    apart.set_params(features="/".join(filter(None, [predictor.get_params()["features"], "made_up"])))
    known, new = (
        replace(part, columns={**part.columns, "made_up": np.full(len(part), size)})
        for part, size in ((train, 1e8), (test, 2e8))
    )
    error = np.abs(apart.fit(known, y).predict(new).mean - y.mean()).max()
    assert error < 10 * np.ptp(y), (
        "a column that is constant where it is learnt from moves predictions far away where it is not; "
        "divide it by its size, as nasbench.predictors.encodings.units says"
    )


def _check_unfitted(predictor: Predictor, test: Inputs) -> None:
    fresh = type(predictor)(**predictor.get_params())
    _refused(lambda: fresh.predict(test), "predicting before fit")


def _check_refusals(predictor: Predictor, train: Inputs, y: FloatArray) -> None:
    for bad in (np.nan, np.inf):
        targets = y.copy()
        targets[1] = bad
        _refused(lambda targets=targets: predictor.fit(train, targets), f"a target that is {bad}")  # type: ignore[misc]
    _refused(lambda: predictor.fit(train, y[:-1]), "fewer targets than architectures")
    few = predictor.min_samples - 1
    if few >= 0:
        _refused(lambda: predictor.fit(train[:few], y[:few]), f"{few} architectures, below the minimum")
    _refused(lambda: predictor.fit(train.genotypes, y), "an array in the place of Inputs")  # type: ignore[arg-type]


def _check_parameters(predictor: Predictor) -> None:
    """`get_params` and `set_params` are what scikit-learn expects of them."""
    parameters = predictor.get_params()
    assert json.loads(json.dumps(parameters)) == parameters, "get_params() are not JSON values"
    copy = type(predictor)(**parameters)
    assert all(copy.get_params()[name] is value for name, value in parameters.items()), (
        "the constructor changes an argument; it must store what it is given"
    )
    _refused(lambda: copy.set_params(no_such_argument=1), "an argument that does not exist")


def _check_storage(predictor: Predictor, space: Space, test: Inputs) -> None:
    parameters = predictor.get_params()
    try:
        state: dict[str, npt.NDArray[Any]] = predictor.state()
    except InputError as error:
        raise AssertionError(f"cannot be stored: {error}") from error
    for name, array in state.items():
        assert array.dtype.kind in "biuf", f"state {name!r} holds {array.dtype}, not numbers"
    copied = {name: array.copy() for name, array in state.items()}
    restored = type(predictor)(**parameters).restore(space, copied)
    assert restored.get_params() == parameters, "get_params() does not reconstruct the predictor"
    with tempfile.TemporaryDirectory() as folder:
        predictor.save(Path(folder) / "predictor")
        loaded = Predictor.load(Path(folder) / "predictor")
    before = predictor.predict(test)
    for again, how in ((restored.predict(test), "restored"), (loaded.predict(test), "loaded")):
        for a, b in zip(before, again, strict=True):
            assert np.array_equal(a, b), f"a {how} predictor predicts differently"


def _refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except InputError:
        return
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}, not InputError") from error
    raise AssertionError(f"{what} is not refused")


def _distinct(space: Space, n: int, rng: np.random.Generator) -> tuple[GenotypeArray, GenotypeArray]:
    """Different architectures: `n` to train on and up to as many to test on."""
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
