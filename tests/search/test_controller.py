"""The chances of a controller by hand, and that it learns what choices go together."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from nasbench.search.controller import Controller
from nasbench.spaces import spaces


def test_one_step_by_hand(drive: Any) -> None:
    """Gates of 0.5, 0.5, tanh 1 and 0.5: c = 0.5 tanh 1, h = 0.5 tanh c; the options of the head are h and 0."""
    controller = drive(Controller(hidden=1)).strategy
    weights = controller._weights
    with torch.no_grad():
        for weight in weights.values():
            weight.zero_()
        weights["gate_bias"][2] = 1.0
        weights["heads"][0, 0, 0] = 1.0
        log_p, _ = controller._next(0, np.zeros((1, 6), dtype=np.int8), controller._first_state(1))
    h = 0.5 * math.tanh(0.5 * math.tanh(1))
    np.testing.assert_allclose(log_p.exp().numpy(), np.exp([[h, 0, 0, 0, 0]]) / (math.exp(h) + 4))


def test_options_that_do_not_exist_have_no_chance(drive: Any) -> None:
    controller = drive(Controller(), "nb101").strategy
    actions = controller._draw(500)
    assert (actions < np.array(spaces.create("nb101").cardinalities)).all()
    with torch.no_grad():
        log_p, _ = controller._next(0, actions, controller._first_state(len(actions)))
    assert log_p.exp()[:, 2:].max() == 0


def test_probabilities_of_all_genotypes_add_up(drive: Any) -> None:
    controller = drive(Controller()).strategy
    every = np.concatenate(list(controller.space.enumerate()))
    with torch.no_grad():
        log_p, entropy = controller._log_probability(every)
    assert log_p.exp().sum().item() == pytest.approx(1.0)
    assert (entropy > 0).all()
    assert (entropy <= 6 * math.log(5) + 1e-9).all()


def test_samples_follow_the_probabilities(drive: Any) -> None:
    controller = drive(Controller()).strategy
    with torch.no_grad():
        controller._weights["heads"].mul_(20)
        controller._weights["embeddings"].mul_(20)
        controller._weights["gates"].mul_(10)
    n = 4_000
    drawn = controller._draw(n)
    pairs = np.array([[a, b, 0, 0, 0, 0] for a in range(5) for b in range(5)], dtype=np.int8)
    with torch.no_grad():
        first, state = controller._next(0, pairs, controller._first_state(25))
        second, _ = controller._next(1, pairs, state)
    p = (first[range(25), pairs[:, 0]] + second[range(25), pairs[:, 1]]).exp().numpy()
    shares = np.array([(drawn[:, :2] == pair[:2]).all(axis=1).mean() for pair in pairs])
    assert (np.abs(shares - p) <= 4.5 * np.sqrt(p * (1 - p) / n) + 1 / n).all()


def test_learns_that_neighbouring_choices_be_equal(drive: Any) -> None:
    """No independent distribution of each position can, beyond one option for all."""
    search = drive(Controller(entropy=0.0))
    scores = []
    for _ in range(300):
        trial = search.ask()
        scores.append(float((trial.architecture[1:] == trial.architecture[:-1]).sum()))
        search.tell(trial, scores[-1])
    assert np.mean(scores[-50:]) > 2 * np.mean(scores[:50])


def test_the_seed_of_the_run_decides_everything(drive: Any) -> None:
    runs = []
    for _ in range(2):
        search = drive(Controller())
        run = []
        for _ in range(30):
            trial = search.ask()
            run.append(trial.architecture.tolist())
            search.tell(trial, 1e12 * float(trial.architecture.sum()))
        runs.append(run)
    assert runs[0] == runs[1]
