"""Scores of predictors by training size (White et al., 2021), on splits that are the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nasbench.benchmark.base import Benchmark, Epoch
from nasbench.evaluate.evaluation import Evaluation
from nasbench.evaluate.fits import SCORES
from nasbench.evaluate.preparation import AnyPredictor
from nasbench.evaluate.results import Results
from nasbench.evaluate.sources import Source
from nasbench.evaluate.splits import Protocol, Split
from nasbench.evaluate.tuning import TuningBudget
from nasbench.parallel.jobs import Cluster
from nasbench.progress import Progress, silent

DEFAULT = ("mean", "ridge", "gp", "xgb", "gnn", "auto")
"""Predictors that are scored where none is named."""


def evaluate(
    benchmark: Benchmark,
    metric: str,
    *,
    predictors: Sequence[AnyPredictor],
    train_sizes: Sequence[int],
    test_size: int | None = None,
    splits: int,
    protocol: Protocol = "functions",
    seed: int = 0,
    epoch: Epoch = "last",
    strict: bool = False,
    jobs: int = 1,
    patience: float | None = None,
    progress: Progress = silent,
    holdouts: Mapping[str, Split] | None = None,
    tuning: TuningBudget | None = None,
    sources: Sequence[Source] | None = None,
    cluster: Cluster | None = None,
    warn: Callable[[str], None] = lambda reason: None,
) -> Results:
    """Score predictors on architectures of a benchmark.

    For each split, every predictor is fitted on nested training sets and scored on the same test set; only
    architectures whose inputs are known to all predictors take part. A target
    is the mean over the recorded training seeds. A predictor named by a text gets the number of the split as its
    `seed`, and so does a class. Scores do not depend on `jobs`: with several, and with a patience, no two predictors
    share a process.

    Args:
        benchmark: Source of architectures, targets and inputs.
        metric: The metric that is predicted.
        predictors: Names, `module:Class` of one's own, with arguments as `gp+steps=50`; classes; or instances.
        train_sizes: Numbers of training architectures; with given parts, none means all, and by the protocol
            `"tagates"` 1 % of half the table. 0, for predictors that learn from other tables: then predictions only
            rank, and scores that compare numbers are undefined.
        test_size: Number of test architectures; of no use where the protocol or `holdouts` say what is tested on.
        splits: Number of random splits; with given parts, of random orders of the training architectures.
        protocol: How architectures are split. `"functions"`: at random, one architecture of each function takes part.
            `"random"`: at random among all, so functions may be shared. `"published"`: the parts that the source of the
            table publishes. `"tagates"`: half of all is tested on, and labels are drawn from the other half, as by
            TA-GATES, FLAN, FlowerFormer and FGP, of which some use further labels for early stopping.
        seed: Seed of the splits.
        epoch: Epoch at which the metric is taken.
        strict: Whether a predictor that fails ends the evaluation; otherwise it is left out of the results.
        jobs: Processes of this machine. With 1 and no patience, fits stay in this process, which ends with a predictor
            that ends it (`os._exit`, a crash).
        patience: Seconds that a fit, or the prediction of a test set, may take, imports included; then its process is
            killed and the predictor has failed. None for no limit.
        progress: Told about finished fits.
        holdouts: Given splits by name, in rows of `benchmark.architectures()`, instead of a protocol: for instance the
            finds of one search strategy (Zela et al., 2022). All test rows are scored, all training rows
            can be learnt from; who makes them sees to it that they share no function.
        tuning: What choosing the arguments of a predictor may cost at each fit, by cross-validation within its training
            set (`tuning.tune`). Arguments that a specification gives, or an instance has, stay as they are.
        sources: Other tables, which predictors that can do so learn from first (`Predictor.pretrain`). None for those
            that come with the package, as far as they have the inputs.
        cluster: Where fits run instead of processes of this machine, such as a `parallel.ray_engine.RayEngine`; `jobs`
            is then that of the cluster, and there is no patience.
        warn: Told at once why a predictor is left out.

    Returns:
        Results of kind `"evaluation"`. A record holds `predictor`, `n_train`, `seed` (number of the split) and
        `SCORES`: `rmse`, `crps` and `regret_at_10` are in the unit of the metric, `nll` in nats, `query_seconds` is the
        mean simulated time of training behind the inputs of a test architecture, over those whose time is recorded,
        `shared_functions` the share of test architectures whose function is in the training set; undefined scores are
        None. With given parts, `left_out` names the one. With tuning, `tuned` is the
        specification that was fitted (None for a predictor that declares nothing as tunable), `tune_trials` the number
        of settings whose cross-validation was finished, `tune_failed` of those that the predictor refused, and
        `tune_seconds` what it took; `fit_seconds` is the last fit alone. The summary holds for each predictor and
        size the mean of every score with its 95 % bootstrap interval over the splits; where all of a given training
        part is learnt from there is none, as splits differ by no architecture. Its `rankings` say for each size which
        predictors cannot be told apart from the one with the highest mean Kendall tau (`leaders.rankings`), its
        `baselines` how single numbers rank without any label (`baselines.baselines`), its
        `noise_ceiling` what tau the expected values of all targets would have (`ceiling.Ceiling`; None where nothing
        was trained twice), its `failures` why predictors are left out, by name.

    Raises:
        InputError: A name, number or size is not acceptable, an input is not recorded, other processes cannot have a
            predictor for whom there is a patience, all predictors failed, or one did and `strict` is true.
        NotFoundError: The benchmark has no such metric or epoch.
    """
    evaluation = Evaluation.plan(
        benchmark,
        metric,
        predictors=predictors,
        train_sizes=train_sizes,
        test_size=test_size,
        splits=splits,
        protocol=protocol,
        seed=seed,
        epoch=epoch,
        jobs=jobs,
        patience=patience,
        holdouts=holdouts,
        tuning=tuning,
        sources=sources,
        cluster=cluster,
    )
    failed = evaluation.try_out(strict, warn)
    return evaluation.run(failed, strict=strict, progress=progress, warn=warn)


__all__ = ["DEFAULT", "SCORES", "Evaluation", "evaluate"]
