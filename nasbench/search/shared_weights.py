"""Base of strategies that train a supernet and propose what it ranks best (Pham et al., ICML 2018)."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError
from nasbench.parallel.threads import single_threaded
from nasbench.search.base import Trial
from nasbench.search.fixed_order import FixedOrder
from nasbench.spaces import NetworkSettings
from nasbench.supernet.network import check_supernet
from nasbench.supernet.shared import SharedTraining, SupernetSettings
from nasbench.training.settings import TrainSettings
from nasbench.types import FloatArray, GenotypeArray


class SharedWeights(FixedOrder):
    """Trains a supernet for real after the initial designs, then proposes architectures in the order that it gives.

    The outcomes of trials change nothing. The supernet learns weights on the training images of `dataset`, and the
    architecture on its validation images; test images are never looked at.

    Its cost is charged as epochs of training a mean architecture of the space by itself, with the same width, depth and
    images: multiply-adds, a backward pass counted as two forward passes. The simulator turns epochs into seconds by the
    median of the table. Real seconds are never charged, because they differ from run to run.

    Args:
        dataset: Specification of a data set of images; `digits+train=600+...` in quotes gives it arguments.
        epochs: Epochs of the supernet.
        channels: Channels after the stem.
        cells: Cells in each stage.
        stages: Stages of the skeleton.
        batch: Images in a step.
        learning_rate: First learning rate of the weights; it falls to 0 along half a cosine.
    """

    trains = True
    max_objectives = 1

    def __init__(
        self, dataset: str, epochs: int, channels: int, cells: int, stages: int, batch: int, learning_rate: float
    ) -> None:
        if not isinstance(dataset, str):
            raise InputError(f"dataset must name a data set, got {dataset!r}")
        sizes = {"epochs": epochs, "channels": channels, "cells": cells, "stages": stages}
        for name, size in sizes.items():
            check_whole(name, size)
        check_whole("batch", batch, least=2)  # normalisation needs two
        check_number("learning_rate", learning_rate, above=0)
        self.dataset, self.epochs, self.channels, self.cells, self.stages = dataset, epochs, channels, cells, stages
        self.batch, self.learning_rate = batch, learning_rate

    def _start(self) -> None:
        check_supernet(self.space)
        self._trained = False

    def _ask(self) -> Trial:
        if not self._trained:
            super()._start()
            self._trained = True
        return super()._ask()

    def _order(self) -> GenotypeArray:
        with single_threaded():
            shared = SharedTraining(self.space, self._settings(), self.rng, self._share())
            order = self._train(shared)
        self.own_epochs += shared.epochs
        return order

    @abstractmethod
    def _train(self, shared: SharedTraining) -> GenotypeArray:
        """Train the supernet; architectures `(n, d)` in the order in which they are proposed, repeats allowed."""

    def _share(self) -> int:
        """Divisor of the channels that go through operations."""
        return 1

    def _settings(self) -> SupernetSettings:
        network = NetworkSettings(self.channels, self.cells, self.stages)
        train = TrainSettings(self.epochs, self.batch, self.learning_rate)
        return SupernetSettings(self.dataset, network, train)


def best_first(genotypes: GenotypeArray, worth: FloatArray) -> GenotypeArray:
    """The genotypes `(n, d)` by falling worth `(n,)`; equal ones in their order."""
    ordered: GenotypeArray = genotypes[np.argsort(-worth, kind="stable")]
    return ordered
