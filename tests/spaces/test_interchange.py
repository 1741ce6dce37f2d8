"""Named choices: round trips, real ConfigSpace configurations, real Optuna trials."""

import sys
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.spaces import Space, spaces
from nasbench.types import GenotypeArray

NB201 = spaces.create("nb201")
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|"
NAMED = {
    "edge_0_1": "nor_conv_3x3",
    "edge_0_2": "none",
    "edge_1_2": "skip_connect",
    "edge_0_3": "avg_pool_3x3",
    "edge_1_3": "nor_conv_1x1",
    "edge_2_3": "skip_connect",
}
ALL = [pytest.param(spaces.create(name), id=name) for name in spaces]


def convolutions(genotype: GenotypeArray) -> float:
    """A made-up score, to be maximised, with one best cell: 3x3 convolutions, and a skip from input to output."""
    return float((genotype[[0, 1, 2, 4, 5]] == 3).sum() + (genotype[3] == 1))


def test_a_cell_under_names() -> None:
    assert NB201.to_config(CELL) == NAMED
    assert np.array_equal(NB201.from_config(NAMED), NB201.genotype(CELL))


def test_names_of_the_registered_spaces() -> None:
    nb101, size, macro, darts, nasnet = map(spaces.create, ("nb101", "nats_size", "macro", "darts", "nasnet"))
    chain = nb101.to_config('{"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}')
    assert {name for name, option in chain.items() if option not in (0, "absent")} == {"edge_0_1", "edge_1_6", "op_1"}
    assert chain["op_1"] == "maxpool3x3"
    assert size.to_config("8:8:40:32:64") == dict(zip(size.choice_names, (8, 8, 40, 32, 64), strict=True))
    assert macro.to_config("01222222")["layer_2"] == "MB3_K3"
    assert darts.choice_names[:5] == (
        "normal_2_op_0",
        "normal_2_op_1",
        "normal_3_inputs",
        "normal_3_op_0",
        "normal_3_op_1",
    )
    assert darts.option_names(2) == ("0_1", "0_2", "1_2")
    assert nasnet.option_names(nasnet.choice_names.index("reduce_6_input_1")) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("space", ALL)
def test_names_there_and_back(space: Space) -> None:
    genotypes = space.sample(50, np.random.default_rng(0))
    for genotype in genotypes:
        assert np.array_equal(space.from_config(space.to_config(genotype)), genotype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge_0_1": "conv"}, "'edge_0_1' of nb201 cannot be 'conv'; its options are none, skip_connect"),
        ({"edge_0_1": 3}, "'edge_0_1' of nb201 cannot be 3"),
        ({"edge_3_4": "none"}, "nb201 has no choice 'edge_3_4'; its choices are edge_0_1"),
    ],
)
def test_what_is_wrong_with_a_configuration(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NB201.from_config({**NAMED, **change})


def test_a_missing_choice_is_named() -> None:
    with pytest.raises(InputError, match="nb201 needs the choice 'edge_2_3'"):
        NB201.from_config({name: option for name, option in NAMED.items() if name != "edge_2_3"})


def test_choices_that_are_no_cell_are_repaired_or_refused() -> None:
    """Vertex 2 is a dead end and is pruned; without the edge to the output no cell is left."""
    space = spaces.create("nb101")
    chain = '{"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}'
    config = space.to_config(chain)
    dangling = {**config, "edge_0_2": 1, "op_2": "conv3x3-bn-relu"}
    assert np.array_equal(space.from_config(dangling), space.genotype(chain))
    with pytest.raises(InputError, match="the choices are no architecture of nb101: "):
        space.from_config({**config, "edge_1_6": 0})


@pytest.mark.parametrize("space", ALL)
def test_sampled_configurations_are_architectures(space: Space) -> None:
    pytest.importorskip("ConfigSpace", reason="ConfigSpace is not installed")
    configurations = space.config_space(seed=0).sample_configuration(100)
    raw = np.array(
        [[space.option_names(p).index(c[name]) for p, name in enumerate(space.choice_names)] for c in configurations],
        dtype=np.int8,
    )
    repaired, fine = space.repair(raw.copy())
    for configuration, genotype, ok in zip(configurations, repaired, fine, strict=True):
        if ok:
            assert np.array_equal(space.from_config(configuration), genotype)
            space.check([genotype])
        else:
            with pytest.raises(InputError, match="no architecture of"):
                space.from_config(configuration)
    if space.contains(raw).all():
        assert fine.all()


def test_the_configuration_space_of_nb201() -> None:
    library = pytest.importorskip("ConfigSpace", reason="ConfigSpace is not installed")
    space = NB201.config_space(seed=3)
    assert space.name == "nb201"
    assert {*space} == {*NB201.choice_names}
    assert tuple(space["edge_0_1"].choices) == (
        "none",
        "skip_connect",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
    )
    assert space.estimate_size() == NB201.size
    assert dict(space.sample_configuration()) == dict(NB201.config_space(seed=3).sample_configuration())
    assert np.array_equal(NB201.from_config(library.Configuration(space, values=NAMED)), NB201.genotype(CELL))
    counts = np.bincount([NB201.from_config(c)[0] for c in space.sample_configuration(1000)], minlength=5)
    assert np.abs(counts - 200).max() < 6 * 160**0.5


def test_a_study_with_tpe_finds_better_than_its_first_trials() -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    gains = []
    for seed in range(5):
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(lambda trial: convolutions(NB201.optuna(trial)), n_trials=60)
        values = [trial.value for trial in study.trials]
        gains.append(max(values) - max(values[:10]))
        assert np.mean(values[-20:]) > np.mean(values[:10])
    assert np.mean(gains) > 0.5


def test_a_known_architecture_is_enqueued() -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    study.enqueue_trial(NB201.to_config(CELL))
    assert NB201.to_string(NB201.optuna(study.ask())) == CELL


@pytest.mark.parametrize("space", ALL)
def test_trials_suggest_architectures_or_are_pruned(space: Space) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found: list[GenotypeArray] = []

    def objective(trial: Any) -> float:
        found.append(space.optuna(trial))
        return float(found[-1].sum())

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=40)
    states = [trial.state for trial in study.trials]
    assert set(states) <= {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}
    assert len(found) == states.count(optuna.trial.TrialState.COMPLETE)
    raw = np.random.default_rng(0).integers(0, space.cardinalities, (200, len(space.cardinalities))).astype(np.int8)
    readable = space.repair(raw)[1].mean()
    deviation = np.sqrt(readable * (1 - readable) / 40)
    assert len(found) / 40 == pytest.approx(readable, abs=4 * deviation)
    space.check(np.reshape(found, (-1, len(space.cardinalities))))


def test_a_trial_without_a_cell_is_pruned_and_says_why() -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    space = spaces.create("nb101")
    nothing = {name: space.option_names(p)[0] for p, name in enumerate(space.choice_names)}
    with pytest.raises(optuna.TrialPruned, match="no architecture of nb101: "):
        space.optuna(optuna.trial.FixedTrial(nothing))


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ConfigSpace", None)
    with pytest.raises(MissingExtraError, match=r"needs ConfigSpace: pip install 'nasbench\[configspace\]'"):
        NB201.config_space()
    monkeypatch.setitem(sys.modules, "optuna", None)

    class First:
        def suggest_categorical(self, name: str, options: Any) -> Any:
            return options[0]

    trial: Any = First()
    assert NB201.optuna(trial).tolist() == [0] * 6  # the trial is all that it takes
    with pytest.raises(
        MissingExtraError, match=r"no path.*pruning the trial needs Optuna: pip install 'nasbench\[optuna\]'"
    ):
        spaces.create("nb101").optuna(trial)
