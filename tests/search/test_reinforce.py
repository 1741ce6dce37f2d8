"""The policy learns, through repair and in any unit."""

from typing import Any

import numpy as np

from nasbench.search.policy import PRIOR_SAMPLES, softmax
from nasbench.search.reinforce import Reinforce


def test_the_policy_concentrates_on_what_is_rewarded(drive: Any) -> None:
    search = drive(Reinforce())
    for _ in range(600):
        trial = search.ask()
        search.tell(trial, float((trial.architecture == 3).sum()))
    assert np.mean([(search.ask().architecture == 3).mean() for _ in range(50)]) > 0.8


def test_the_unit_of_the_metric_does_not_matter(drive: Any) -> None:
    runs = []
    for unit in (0.25, 1.0, 1024.0):
        search = drive(Reinforce())
        run = []
        for _ in range(60):
            trial = search.ask()
            run.append(trial.architecture.tolist())
            search.tell(trial, unit * float(trial.architecture.sum()))
        runs.append(run)
    assert runs[0] == runs[1] == runs[2]


def test_actions_go_through_repair(drive: Any) -> None:
    search = drive(Reinforce(), "nb101")
    for _ in range(100):
        trial = search.ask()
        search.space.check(trial.architecture[None])
        search.tell(trial, float(trial.architecture.sum()))


def test_the_first_policy_takes_options_as_often_as_uniform_samples_do(drive: Any) -> None:
    search = drive(Reinforce(), "nb101")
    policy = search.strategy
    uniform = search.space.sample(20_000, np.random.default_rng(1))
    shares = (uniform[:, :, None] == np.arange(4)).mean(axis=0)
    first = softmax(policy._logits, policy._exists)
    deviation = np.sqrt(first * (1 - first) * (1 / PRIOR_SAMPLES + 1 / len(uniform)))
    assert (np.abs(first - shares) <= 4 * deviation).all()
    proposed = np.array([search.ask().architecture for _ in range(200)])
    vertices = search.space.adjacency_arrays(proposed).mask.sum(axis=1)
    assert vertices.mean() > 4.5, "small cells are rare in the space"


def test_the_policy_learns_through_repair(drive: Any) -> None:
    """Uniform cells have 1.6 convolutions of 3x3, and no cell has more than five."""
    search = drive(Reinforce(), "nb101")
    scores = []
    for _ in range(400):
        trial = search.ask()
        scores.append(float((trial.architecture[21:] == 1).sum()))
        search.tell(trial, scores[-1])
    assert np.mean(scores[-50:]) > 4.2


def test_actions_of_one_cell_that_are_told_late_are_kept_apart(drive: Any) -> None:
    search = drive(Reinforce(), "nb101")
    trials = search.strategy.ask(300)
    actions = dict(search.strategy._actions)
    assert len(actions) == 300 > len({trial.architecture.tobytes() for trial in trials})
    for trial in trials[::-1]:
        repaired, _ = search.space.repair(actions[trial.tag][None])
        np.testing.assert_array_equal(repaired[0], trial.architecture)
        search.tell(trial, 1.0)
    assert not search.strategy._actions
