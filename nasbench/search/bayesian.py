"""Bayesian optimisation: propose what a predictor says an evaluation is worth most at (Jones et al., 1998)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import log_ndtr

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.search.acquisitions import ACQUISITIONS, Belief, upper_confidence_bound
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.seen import SAMPLES_FOR_ONE, Seen
from nasbench.types import FloatArray, GenotypeArray

THOMPSON = "thompson"
LOGARITHMIC = ("logei", "pi")
BATCHES = ("believer", "penalty", "none")
MAX_WHOLE = 4096
"""Largest space whose architectures are all candidates."""
STARTS, MAX_CLIMBS = 8, 6
"""Candidates whose neighbours join them at a time, and how often."""
SHORTLIST = 256
"""Candidates of which joint draws are made."""
OBSERVATIONS_PER_PROPOSAL = 20
"""Finished evaluations for each proposal between two fits, where `interval` is 0."""


class BayesianOptimisation(Strategy):
    """An acquisition function under any predictor, maximised over the space.

    The predictor is fitted on everything told so far, and the best candidates are proposed until it is fitted again. In
    a small space (`MAX_WHOLE`) all architectures are candidates; in others mutations of the best ones and random
    samples, joined by the neighbours of the most promising as long as these are better still. Candidates that break a
    constraint are left out. An architecture (by key) is never proposed twice.

    Named settings follow published methods with the predictors of the suite: `bananas` (White et al., 2021, AAAI),
    `npenas` (Wei et al., 2022, TNNLS) and `nas-bowl` (Ru et al., 2021, ICLR).

    Args:
        predictor: A predictor, or its specification ("gp", "mymodule:MyPredictor").
        acquisition: `"ei"`, `"logei"`, `"pi"`, `"ucb"`, `"mean"`, `"mes"` (`acquisitions`), `"its"` (independent draws
            of all scores) or `"thompson"` (joint draws, one for each proposal, of the most promising candidates).
        batch: What trials that still run count as: `"believer"` takes their expected scores for told ones (Ginsbourger
            et al., 2010), `"penalty"` makes candidates near them worth less (González et al., 2016), `"none"` forgets
            them.
        interval: Proposals between two fits; 0 for one and another for each 20 finished evaluations.
        first_fit: Finished evaluations before the first fit; random samples complete the initial designs.
        parents: Number of best architectures that are mutated.
        mutations: Candidates made by mutation, half of them by two mutations.
        samples: Candidates sampled at random.
    """

    def __init__(
        self,
        predictor: str | Predictor = "gp-wl",
        acquisition: str = "logei",
        batch: str = "believer",
        interval: int = 0,
        first_fit: int = 10,
        parents: int = 10,
        mutations: int = 200,
        samples: int = 200,
    ) -> None:
        for name, number in (("first_fit", first_fit), ("parents", parents), ("samples", samples)):
            check_whole(name, number)
        check_whole("interval", interval, 0)
        check_whole("mutations", mutations, 0)
        for name, given, known in (
            ("an acquisition", acquisition, (*ACQUISITIONS, THOMPSON)),
            ("a batch", batch, BATCHES),
        ):
            if given not in known:
                raise InputError(f"{name} is one of {', '.join(known)}; got {given!r}")
        self.predictor, self.acquisition, self.batch, self.interval = predictor, acquisition, batch, interval
        self.first_fit, self.parents, self.mutations, self.samples = first_fit, parents, mutations, samples

    def _start(self) -> None:
        seed = int(self.rng.integers(2**31))  # no two runs with the same random numbers inside the predictor
        self._model = predictors.create(self.predictor, seed=seed)
        self._needs = self._static_needs()
        self._seen = Seen(self.space, self.problem.initial)
        self._genotypes: list[GenotypeArray] = []
        self._scores: list[tuple[float, ...]] = []
        self._queue: list[GenotypeArray] = []
        self._running: dict[bytes, GenotypeArray] = {}
        self._whole = self.space.unique() if self.space.size <= MAX_WHOLE else None

    def _ask(self) -> Trial:
        if len(self._scores) < max(self.first_fit, self._model.min_samples):
            samples = self.problem.feasible_or_all(self.space.sample(SAMPLES_FOR_ONE, self.rng))
            proposal = self._seen.take_or_repeat(samples, 1)[0]
        else:
            if not self._queue:
                self._queue = self._promising()[::-1]
            proposal = self._queue.pop()
        self._running[proposal.tobytes()] = proposal
        return self.trial(proposal)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._running.pop(trial.architecture.tobytes(), None)
        if all(map(math.isfinite, outcome.scores)):
            self._genotypes.append(trial.architecture)
            self._scores.append(outcome.scores)

    def _targets(self, scores: FloatArray) -> FloatArray:
        """What the predictor learns and the proposals maximise, `(n,)`, of scores `(n, objectives)`; here the first."""
        return scores[:, 0]

    # --- proposals --------------------------------------------------------------------------------------------------

    def _promising(self) -> list[GenotypeArray]:
        """The next proposals, best first."""
        genotypes, targets = np.array(self._genotypes), self._targets(np.array(self._scores))
        model = self._model.fit(self._inputs(genotypes), targets.copy())
        running = np.array(list(self._running.values()))
        if self.batch == "believer" and len(running):
            believed = model.predict(self._inputs(running)).mean
            model.fit(self._inputs(np.concatenate([genotypes, running])), np.concatenate([targets, believed]))
        best = float(model.transform(targets.max()))
        most = self.interval or max(1, len(targets) // OBSERVATIONS_PER_PROPOSAL)
        candidates = self._candidates(genotypes, targets)
        ranked = self._ranked(candidates, lambda rows: self._worth(model, rows, best, most, running))
        return list(self._seen.take_or_repeat(ranked, most))

    def _ranked(self, candidates: GenotypeArray, worth_of: Callable[[GenotypeArray], FloatArray]) -> GenotypeArray:
        """Candidates and neighbours of the most promising, those that are worth most first."""
        worth = worth_of(candidates)
        for _ in range(0 if self._whole is not None or self.acquisition in ("its", THOMPSON) else MAX_CLIMBS):
            tops = candidates[np.argsort(-worth, kind="stable")[:STARTS]]
            around = self.problem.feasible_or_all(self._seen.new(self.space.neighbours_of(tops)[0]))
            if not len(around):
                break
            theirs = worth_of(around)
            climbs = theirs.max() > worth.max()
            candidates, worth = np.concatenate([candidates, around]), np.concatenate([worth, theirs])
            if not climbs:
                break
        return candidates[np.argsort(-worth, kind="stable")]

    def _candidates(self, genotypes: GenotypeArray, targets: FloatArray) -> GenotypeArray:
        """What can be proposed; architectures that were proposed are among it where nothing else is."""
        candidates = self._whole
        if candidates is None:
            best = genotypes[np.argsort(-targets, kind="stable")[: self.parents]]
            once = self.space.mutate(best[self.rng.integers(len(best), size=self.mutations)], self.rng)
            half = self.mutations // 2
            candidates = np.concatenate(
                [once[half:], self.space.mutate(once[:half], self.rng), self.space.sample(self.samples, self.rng)]
            )
        new = self.problem.feasible_or_all(self._seen.new(candidates))
        return new if len(new) else self.problem.feasible_or_all(candidates)

    def _worth(
        self, model: Predictor, candidates: GenotypeArray, best: float, most: int, running: GenotypeArray
    ) -> FloatArray:
        """What each candidate `(n, d)` is worth, `(n,)`; where formulas suppose normality, on the model's scale."""
        inputs = self._inputs(candidates)
        belief = Belief(*model.predict_transformed(inputs), best)
        if self.acquisition == THOMPSON:
            return self._drawn(model, inputs, belief, most)
        worth = ACQUISITIONS[self.acquisition](belief, self.rng)
        if self.batch == "penalty" and len(running):
            log_worth = worth if self.acquisition in LOGARITHMIC else np.log(np.logaddexp(0, worth))  # softplus
            worth = log_worth + self._penalty(model, candidates, belief, running)
        return worth

    def _drawn(self, model: Predictor, inputs: Inputs, belief: Belief, most: int) -> FloatArray:
        """Ranks by joint draws: first what is largest in any of `most` draws, then others by the first draw."""
        short = np.argsort(-upper_confidence_bound(belief), kind="stable")[:SHORTLIST]
        draws = model.sample_transformed(inputs[short], most, self.rng)
        worth = np.full(len(inputs), -np.inf)
        worth[short] = draws[0]
        worth[short[draws.argmax(axis=1)]] = np.inf
        return worth

    def _penalty(
        self, model: Predictor, candidates: GenotypeArray, belief: Belief, running: GenotypeArray
    ) -> FloatArray:
        """Log probability that no running trial's ball of architectures below the maximum holds a candidate `(n,)`.

        The slope is the largest between a candidate and the next one, by the number of positions that differ.
        """
        apart = self.space.distance(candidates[1:], candidates[:-1])
        slope = float((np.abs(np.diff(belief.mean)) / np.maximum(apart, 1)).max(initial=0.0))
        total = np.zeros(len(candidates))
        mean, std = model.predict_transformed(self._inputs(running))
        for centre, expected, spread in zip(running, mean, np.maximum(std, np.finfo(np.float64).tiny), strict=True):
            distance = self.space.distance(candidates, np.broadcast_to(centre, candidates.shape))
            total += log_ndtr((slope * distance - belief.best + expected) / spread)
        return total

    # --- what candidates are ----------------------------------------------------------------------------------------

    def _static_needs(self) -> tuple[str, ...]:
        """The columns that the predictor reads.

        Raises:
            InputError: It reads learning curves, which candidates do not have.
        """
        needs = self._model.needs
        if needs.epochs:
            raise InputError(
                f"{self.predictor!r} reads {needs.epochs} epochs of a learning curve, and candidates have none; "
                "leave curve@ out of its features"
            )
        return tuple(name for name in needs.columns if name not in self.space.feature_kinds)

    def _inputs(self, genotypes: GenotypeArray) -> Inputs:
        return Inputs(self.space, genotypes, self.problem.columns(self._needs, genotypes))
