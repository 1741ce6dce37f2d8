"""The command line: build, look into and query benchmarks; score predictors; race strategies; report."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from nasbench import __version__
from nasbench.console import (
    bar,
    counted,
    facts,
    interruptible,
    is_table,
    note,
    out,
    plain,
    quality,
    save,
    show,
    show_comparison,
    show_evaluation,
    write_json,
)
from nasbench.errors import InputError, NasbenchError

if TYPE_CHECKING:
    from nasbench.benchmark.base import Epoch, SeedPolicy
    from nasbench.benchmark.table import Table
    from nasbench.registry import Registry

app = typer.Typer(
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)  # which typer does not export

TRAIN_SIZES, TEST_SIZE = (10, 25, 50, 100, 200, 400), 1000
NOISE = ("noise_cells", "noise_ratio", "noise_coverage_90")
"""What a surrogate says of its noise, where it has any."""


def located(file: Path) -> Path:
    """A file, or the one of a benchmark that comes with nasbench."""
    from nasbench.benchmark.load import locate

    return locate(file)


def all_located(files: list[Path]) -> list[Path]:
    """Several of them."""
    return [located(file) for file in files]


BenchmarkFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Benchmark file (HDF5), or the name of a benchmark that comes with nasbench.",
        show_default=False,
        callback=located,
    ),
]
MetricOption = Annotated[
    str | None, typer.Option("--metric", help="Name of a metric; if not given, the validation score.")
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write machine-readable results to this file.")]
OutOption = Annotated[Path, typer.Option("--out", help="File to write.", show_default=False)]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random choices.")]
ProcessesOption = Annotated[
    int | None, typer.Option("--processes", min=1, help="Processes to run in; the number of cores if not given.")
]


def main() -> None:
    """Run the command line; an error that the user can mend is one line, and the exit status is 2."""
    try:
        sys.exit(app(args=sys.argv[1:] or ["--help"], standalone_mode=False))
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "nasbench"
        fail(f"{error.format_message().rstrip('.')}; see {command} --help")
    except NasbenchError as error:
        fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; there is nothing to say
        sys.exit(1)
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def fail(message: str) -> None:
    """Print one line and exit with status 2."""
    print(f"nasbench: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


@app.callback()
def version(
    show: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    """Surrogate-predictor benchmarking suite for neural architecture search."""
    if show:
        print(f"nasbench {__version__}")
        raise typer.Exit


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the benchmark, the results and the report.")] = Path(
        "demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="A tiny version of everything, to see that it works.")] = False,
    processes: ProcessesOption = None,
) -> None:
    """The whole story in minutes, on real data: build, evaluate, fit a surrogate, compare, report."""
    from nasbench.demo import FULL, QUICK, run_demo

    with interruptible("nasbench demo continues where it stopped"):
        report = run_demo(folder, QUICK if quick else FULL, processes=processes or cores(), tell=out.print, bar=bar)
    out.print(f"[bold]Report:[/] {report.resolve()}", soft_wrap=True)


@app.command()
def build(
    file: OutOption,
    space: Annotated[str, typer.Option(help="Search space.")] = "nb201",
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="Data set; more than one may be given. If none is, the usual one for the task of the space.",
        ),
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, help="Cells to train; all of the sampling if not given, but 64 of draws.")
    ] = None,
    epochs: Annotated[
        str, typer.Option(help="Epochs of training; several schedules, each a training of its own, as 1,4,12.")
    ] = "12",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each cell, each with its own seed.")] = 1,
    sampling: Annotated[
        str, typer.Option(help="How cells are chosen: draws, classes, cost, exhaustive, list+path=FILE, active.")
    ] = "draws",
    channels: Annotated[int, typer.Option(min=1, help="Channels after the stem.")] = 16,
    depth: Annotated[int, typer.Option(min=1, help="Cells in each stage.")] = 1,
    stages: Annotated[int, typer.Option(min=1, help="Stages; the image is halved between two of them.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Inputs in a step of training.")] = 64,
    optimiser: Annotated[str | None, typer.Option(help="sgd or adamw; if not given, what suits the task.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Highest of the schedule; if not given, what suits the task.")
    ] = None,
    measures: Annotated[
        str, typer.Option("--measure", help="What is measured besides curves, separated by commas; see list measures.")
    ] = "costs",
    seed: SeedOption = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that train on the CPU; all cores if not given.")
    ] = None,
    parallel: Annotated[str, typer.Option(help="Networks trained side by side; auto takes what is fastest.")] = "auto",
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where to train.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="ray: address of the cluster; if not given, one is started here.")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0, help="ray: GPUs of a task, which may be a fraction.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, help="How often to try again when a process dies.")] = 1,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train again what failed in an earlier call.")
    ] = False,
) -> None:
    """Train cells and write what was measured as a benchmark.

    The same command resumes after a stop. With more cells, seeds, epochs or data sets it extends the file.
    """
    from nasbench.build import BuildSettings
    from nasbench.build import build as run
    from nasbench.build.engine import LocalEngine
    from nasbench.build.ray_engine import RayEngine
    from nasbench.datasets import DEFAULTS
    from nasbench.spaces import spaces
    from nasbench.spaces.base import NetworkSettings
    from nasbench.tasks import tasks
    from nasbench.train import TrainSettings

    task = spaces.resolve(space)[0].task
    if not dataset and task not in DEFAULTS:
        raise InputError(f"no data set is the usual one for {task}; name one with --dataset")
    chosen = tuple(dataset or [DEFAULTS[task]])
    given = {"optimiser": optimiser, "learning_rate": learning_rate}
    training = {
        **tasks.resolve(task)[0].training,
        **{name: value for name, value in given.items() if value is not None},
    }
    if engine == "local" and (address is not None or gpus):
        raise InputError("--address and --gpus are of the engine ray; add --engine ray, or say --device cuda")
    if engine == "ray" and device not in ("auto", "cpu"):
        raise InputError(f"with the engine ray say --gpus for a GPU, and no device; got {device!r}")
    lengths = sorted({whole(text, "epochs") for text in epochs.split(",")})
    settings = BuildSettings(
        space=space,
        datasets=chosen,
        cells=64 if cells is None and sampling == "draws" else cells,
        seeds=seeds,
        sampling=sampling,
        seed=seed,
        network=NetworkSettings(channels=channels, cells=depth, stages=stages),
        train=TrainSettings(epochs=lengths[-1], batch_size=batch_size, **training),
        shorter=tuple(lengths[:-1]),
        measures=tuple(separated(measures)),
    )
    side = cast("int | Literal['auto']", number(parallel, "parallel", "auto"))
    with interruptible("the same command continues"), bar("Training and measuring") as progress:
        table = run(
            settings,
            file,
            device=device,
            parallel=side,
            engine=RayEngine(address, workers, gpus) if engine == "ray" else LocalEngine(workers or cores()),
            retries=retries,
            retry_failed=retry_failed,
            progress=progress,
            tell=note,
        )
    out.print(f"Wrote {file}: {_size(table)}", soft_wrap=True)


@app.command("import")
def import_table(
    source: Annotated[str, typer.Argument(help="What the files are; see nasbench list sources.", show_default=False)],
    file: OutOption,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders that hold the table.", show_default=False)
    ] = None,
    space: Annotated[str | None, typer.Option(help="csv, transnas101: search space.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="csv: METRIC=COLUMN[:unit][:min|max][:static]; once for each metric."),
    ] = None,
    arch_column: Annotated[str | None, typer.Option(help="csv: column of architectures (default: arch).")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="csv: what metrics were measured on (default: table). nas-bench-graph, nas-bench-nlp, nasbench201, "
            "nats-bench, transnas101: data sets to read, separated by commas (default: all)."
        ),
    ] = None,
    seed_column: Annotated[str | None, typer.Option(help="csv: column of training seeds.")] = None,
    epoch_column: Annotated[str | None, typer.Option(help="csv: column of finished epochs.")] = None,
    missing: Annotated[str | None, typer.Option(help="csv: number for a missing one, as -1 or -1=REASON.")] = None,
    lenient: Annotated[
        bool,
        typer.Option("--lenient", help="csv, nas-bench-nlp, nasbench301: skip and count what cannot be read."),
    ] = False,
) -> None:
    """Read a published table, or one of your own, and write it as a benchmark.

    What else a source takes is written after its name: nats-bench+schedule=12.
    """
    from nasbench.benchmark import hdf5
    from nasbench.importers import importers

    options = {
        "space": space,
        "column": column,
        "arch_column": arch_column,
        "dataset": dataset,
        "seed_column": seed_column,
        "epoch_column": epoch_column,
        "missing": missing,
        "lenient": lenient or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    importer, written = importers.resolve(source)
    takes = inspect.signature(importer).parameters
    for name in given:
        if name not in takes:
            raise InputError(f"source {source!r} takes no option --{name.replace('_', '-')}")
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in {**given, **written}:
            raise InputError(f"source {source!r} needs the option --{name.replace('_', '-')}")
    writable(file, *(paths or ()))
    with interruptible("nothing was written"):
        table = importers.create(source, **given).read(paths or [])
        hdf5.write(table, file)
    read = table.recipe["source"]
    out.print(facts({name: read[name] for name in ("rows", "architectures", "skipped", "licence") if read.get(name)}))
    out.print(f"Wrote {file}: {_size(table)}", soft_wrap=True)


@app.command()
def merge(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Tabular benchmarks of one space.", show_default=False, callback=all_located
        ),
    ],
    target: OutOption,
    by: Annotated[
        Literal["key", "genotype"],
        typer.Option(help="Rows of isomorphic graphs are one, or only those of equal genotypes."),
    ] = "key",
    inner: Annotated[bool, typer.Option("--inner", help="Keep only architectures that are in all files.")] = False,
    prefer: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file whose numbers count where others differ.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FILE:]OLD=NEW", help="Another name of a metric or a whole data set, in one file or all."
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Join benchmarks of one space by architecture into one file; numbers that differ are refused."""
    from nasbench.benchmark import hdf5
    from nasbench.merge import merge as joined
    from nasbench.merge import renamed_as, report

    writable(target, *files)
    writable(json_file, *files)
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        names = [str(file) for file in files]
    if prefer is not None and prefer not in files:
        raise InputError(f"--prefer names one of the files, {', '.join(map(str, files))}; got {prefer}")
    with interruptible("nothing was written"):
        tables = [_measured(file) for file in files]
        for text in rename or []:
            tables = renamed_as(text, tables, names)
        merged = joined(tables, names, by=by, inner=inner, prefer=names[files.index(prefer)] if prefer else None)
        hdf5.write(merged, target)
    done = report(merged)
    if json_file:
        write_json(json_file, done)
    show(done["sources"])
    shared = [column for column in done["columns"] if len(column["sources"]) > 1]
    if shared:
        out.print("\n[bold]metrics of several files[/]")
        show([{**column, "sources": list(column["sources"])} for column in shared])
    if done["unconfirmed"]:
        names_of = plain(done["unconfirmed"])
        out.print(f"No number in common: {names_of}; whether they were measured alike, only you know", soft_wrap=True)
    out.print(f"Wrote {target}: {_size(merged)}", soft_wrap=True)


@app.command()
def info(file: BenchmarkFile, json_file: JsonOption = None) -> None:
    """Say what a benchmark holds: space, metrics with their units, seeds, epochs, recipe, provenance."""
    from nasbench.benchmark.verify import describe

    writable(json_file, file)
    content = describe(file)
    if json_file:
        write_json(json_file, content)
    tables = {name: value for name, value in content.items() if is_table(value)}
    nested = {name: value for name, value in content.items() if isinstance(value, dict)}
    out.print(facts({name: value for name, value in content.items() if name not in tables | nested}))
    if "metrics" in tables:  # what fits a terminal; --json has the rest
        columns = ("metric", "units", "epochs", "seeds", "missing", "least", "most")
        tables["metrics"] = [{column: metric[column] for column in columns} for metric in tables["metrics"]]
    if "quality" in tables:
        tables["quality"] = quality(tables["quality"])
    for name, value in (tables | nested).items():
        out.print(f"\n[bold]{name}[/]")
        if name in tables:
            show(value)
        else:
            out.print(facts(value))


@app.command()
def verify(file: BenchmarkFile) -> None:
    """Recompute every checksum and check every invariant of a benchmark file; exit status 1 if one is broken."""
    from nasbench.benchmark.verify import verify as find

    findings = find(file)
    for finding in findings:
        print(finding)
    if findings:
        raise typer.Exit(1)
    out.print(f"{file} is sound", soft_wrap=True)


@app.command()
def query(
    file: BenchmarkFile,
    architecture: Annotated[
        str, typer.Argument(metavar="ARCH", help="Published string, or genotype as 3,2,0,...", show_default=False)
    ],
    metric: Annotated[str | None, typer.Option(help="Name of a metric; all of them if not given.")] = None,
    epoch: Annotated[str, typer.Option(help="Finished epochs of training, or last.")] = "last",
    seed: Annotated[str, typer.Option(help="A recorded training seed, or mean over the recorded ones.")] = "mean",
    json_file: JsonOption = None,
) -> None:
    """Answer for one architecture: the value, and which split, epoch and seeds it comes from, and its cost."""
    from nasbench.benchmark.load import load

    writable(json_file, file)
    benchmark = load(file)
    genotype = benchmark.space.read(architecture)
    names = [benchmark.metric(metric).path] if metric else benchmark.answered(genotype)
    # without --metric, an epoch or a seed applies to those metrics that have one
    dated = {name for name in names if benchmark.recorded_epochs(name)}
    seeded = {name for name in names if benchmark.takes_seed(name)}
    answers = []
    for name in names:
        at = number(epoch, "epoch", "last") if name in dated or not dated else "last"
        policy = number(seed, "seed", "mean") if name in seeded or not seeded else "mean"
        answers.append(
            benchmark.query(genotype, name, epoch=cast("Epoch", at), seed=cast("SeedPolicy", policy))._asdict()
        )
    if json_file:
        write_json(json_file, {"architecture": benchmark.space.text(genotype), "answers": answers})
    out.print(f"{benchmark.space.text(genotype)}  ({benchmark.kind} benchmark)", soft_wrap=True)
    show(answers)
    if not metric and len(names) < len(benchmark.metrics):
        out.print("Another architecture of the same function was trained; what this one itself costs is not known")


@app.command()
def evaluate(
    file: BenchmarkFile,
    metric: MetricOption = None,
    names: Annotated[str, typer.Option("--predictors", help="Comma-separated.")] = "mean,ridge,gp,xgb,gnn",
    train_sizes: Annotated[
        str | None, typer.Option(help="Comma-separated (default: 10,25,50,100,200,400, as far as the table goes).")
    ] = None,
    test_size: Annotated[
        int | None, typer.Option(min=2, help="Held-out architectures (default: 1000, as far as the table goes).")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Random splits.")] = 5,
    parts: Annotated[
        Literal["published"] | None,
        typer.Option("--split", help="Test on the part that the source published for it, instead of random ones."),
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            help="Test on what one search strategy found, and learn from what others did; comma-separated, or all."
        ),
    ] = None,
    seed: SeedOption = 0,
    processes: ProcessesOption = None,
    json_file: JsonOption = None,
) -> None:
    """Score predictors by training size on architectures that share no function with the training ones.

    With --split or --leave-out they learn from all that is left, if no training sizes are given.
    """
    from nasbench.benchmark.load import load
    from nasbench.evaluate.protocol import evaluate as score
    from nasbench.evaluate.splits import feasible

    sizes = tuple(whole(size, "train size") for size in train_sizes.split(",")) if train_sizes else TRAIN_SIZES
    writable(json_file, file)
    benchmark = load(file)
    metric = metric or benchmark.score().path
    held_out, holdouts = test_size or TEST_SIZE, None
    if parts or leave_out:
        from nasbench.holdout import left_out, published

        if parts and leave_out:
            raise InputError("--split and --leave-out both say what is tested on; give one of them")
        if test_size:
            raise InputError("--split and --leave-out test on all that is held out; leave --test-size out")
        wanted = None if leave_out in (None, "all") else separated(leave_out)
        holdouts = published(benchmark) if parts else left_out(benchmark, metric, wanted, seed=seed)
        sizes = sizes if train_sizes else ()
    elif not (train_sizes or test_size):
        sizes, held_out = feasible(TRAIN_SIZES, TEST_SIZE, benchmark, metric)
        if (sizes, held_out) != (TRAIN_SIZES, TEST_SIZE):
            out.print(f"The table is small: training sizes {plain(sizes)}, {held_out} held-out architectures")
    with interruptible("nothing was written"), bar("Evaluating predictors") as progress:
        results = score(
            benchmark,
            metric,
            predictors=separated(names),
            train_sizes=sizes,
            test_size=held_out,
            seeds=seeds,
            seed=seed,
            workers=processes or cores(),
            progress=progress,
            holdouts=holdouts,
        )
    if holdouts:
        show([_tested(row) for row in results.summary["scores"]])
    else:
        show_evaluation(results)
    save(results, json_file)


def _tested(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the summary of an evaluation on what was held out."""
    names = ("kendall_tau", "sparse_kendall_tau", "spearman", "r2", "rmse", "coverage_90", "fit_seconds")
    return {name: row[name] for name in ("predictor", "left_out", "n_train")} | {
        name: row[name]["mean"] for name in names
    }


@app.command()
def surrogate(
    file: BenchmarkFile,
    target: OutOption,
    predictor: Annotated[str, typer.Option(help="Predictor to fit.")] = "gp",
    metric: MetricOption = None,
    seed: SeedOption = 0,
) -> None:
    """Fit a surrogate benchmark that answers for the whole space, and say how far it can be trusted."""
    from nasbench.benchmark.hdf5 import write_surrogate
    from nasbench.benchmark.load import load
    from nasbench.benchmark.surrogate import fit_surrogate

    writable(target, file)
    benchmark = load(file)
    with interruptible("nothing was written"), bar("Fitting models") as progress:
        fitted = fit_surrogate(benchmark, metric or benchmark.score().path, predictor, seed=seed, progress=progress)
    write_surrogate(fitted, target)
    show(quality(fitted.quality_records()))
    noise = [{name: row[name] for name in ("metric", *NOISE)} for row in fitted.quality_records() if NOISE[0] in row]
    if noise:
        show(noise)
    else:
        out.print("No noise: too few architectures have several seeds, so that only their mean can be asked")
    out.print(f"Wrote {target}", soft_wrap=True)


@app.command()
def compare(
    file: BenchmarkFile,
    metric: MetricOption = None,
    names: Annotated[str, typer.Option("--strategies", help="Comma-separated.")] = (
        "random,local,evolution,reinforce,bayesian-gp,bayesian-xgb"
    ),
    evaluations: Annotated[int | None, typer.Option(min=1, help="Budget of a run (default: 300).")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Budget of a run in simulated seconds instead.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each strategy.")] = 30,
    workers: Annotated[int, typer.Option(min=1, help="Simulated workers of a run.")] = 1,
    initial: Annotated[int, typer.Option(min=0, help="Random architectures that start every run.")] = 10,
    seed: SeedOption = 0,
    processes: ProcessesOption = None,
    json_file: JsonOption = None,
) -> None:
    """Race search strategies on a benchmark in simulated time: same budget, same initial designs, many repeats."""
    from nasbench.benchmark.load import load
    from nasbench.search.compare import compare as race

    if evaluations and seconds:
        raise InputError("--evaluations and --seconds are two budgets; give one of them")
    writable(json_file, file)
    benchmark = load(file)
    with interruptible("nothing was written"), bar("Racing strategies") as progress:
        results = race(
            benchmark,
            metric or benchmark.score().path,
            strategies=separated(names),
            evaluations=evaluations or (None if seconds else 300),
            seconds=seconds,
            repeats=repeats,
            workers=workers,
            initial=initial,
            seed=seed,
            processes=processes,
            progress=progress,
        )
    show_comparison(results)
    save(results, json_file)


@app.command()
def report(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS...", help="Benchmarks (HDF5) and result files.", callback=all_located),
    ],
    target: OutOption = Path("report.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "nasbench report",
) -> None:
    """Write one self-contained HTML page with interactive plots, and the same figures as PNG beside it."""
    from nasbench.report.page import write_report

    writable(target, *sources)
    written = write_report(sources, target, title=title)
    out.print(f"Wrote {written[0]} and {len(written) - 1} figures", soft_wrap=True)


@app.command("list")
def list_parts(
    kind: Annotated[
        Literal[
            "spaces", "predictors", "strategies", "datasets", "sources", "samplers", "proxies", "measures", "benchmarks"
        ]
        | None,
        typer.Argument(show_default=False),
    ] = None,
) -> None:
    """Name the parts that there are, with one line and the source of each."""
    from nasbench.benchmark.load import shipped
    from nasbench.datasets import datasets
    from nasbench.importers import importers
    from nasbench.predictors import predictors
    from nasbench.proxies import proxies
    from nasbench.sampling import samplers
    from nasbench.search import strategies
    from nasbench.spaces import spaces

    registries: dict[str, Registry[Any]] = {
        "spaces": spaces,
        "predictors": predictors,
        "strategies": strategies,
        "datasets": datasets,
        "sources": importers,
        "samplers": samplers,
        "proxies": proxies,
    }
    for name, registry in registries.items():
        if kind in (None, name):
            out.print(f"[bold]{name}[/]")
            described = {part: registry.describe(part) for part in registry}
            if name == "spaces":
                described = {part: f"{line}\n{_space_facts(part)}" for part, line in described.items()}
            out.print(facts(described))
    if kind in (None, "measures"):
        from nasbench.build.measures import MEASURES

        out.print("[bold]measures[/]")
        out.print(facts({name: inspect.getdoc(measure) or "" for name, measure in MEASURES.items()}))
    if kind in (None, "benchmarks"):
        out.print("[bold]benchmarks[/]")
        out.print(facts({name: _benchmark_facts(path) for name, path in shipped().items()}))


def _benchmark_facts(file: Path) -> str:
    """What a benchmark holds, in one line."""
    from nasbench.benchmark.load import load

    benchmark = load(file)
    count = len(benchmark.architectures())
    return f"{count:,} architectures of {benchmark.space.name}; {', '.join(benchmark.metrics)}"


def _space_facts(name: str) -> str:
    """Size, task and paper of a space, in one line."""
    from nasbench.spaces import spaces

    space = spaces.create(name)
    return f"{space.size:,} genotypes of {len(space.choices)} choices; {space.task.replace('_', ' ')}; {space.paper}"


def _size(table: Table) -> str:
    """How much a table holds."""
    return f"{counted(len(table.columns), 'metric')} of {counted(len(table.genotypes), 'architecture')}"


def _measured(file: Path) -> Table:
    """The table of a tabular benchmark, whose numbers are read when they are asked for."""
    from nasbench.benchmark.load import load
    from nasbench.benchmark.tabular import TabularBenchmark

    benchmark = load(file)
    if not isinstance(benchmark, TabularBenchmark):
        raise InputError(f"{file} is a {benchmark.kind} benchmark; pass the tabular one that it was fitted on")
    return benchmark.table


# --- reading what the user wrote ------------------------------------------------------------------------------------


def number(text: str, what: str, word: str | None = None) -> int | str:
    """A whole number, or the one word that may stand in its place."""
    if text.strip() == word:
        return word
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{what} is a whole number{f' or {word!r}' if word else ''}, got {text!r}") from None


def whole(text: str, what: str) -> int:
    """A whole number."""
    return int(number(text, what))


def separated(text: str) -> list[str]:
    """The names in a comma-separated list, without blanks and repetitions."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise InputError(f"expected names separated by commas, got {text!r}")
    return names


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def writable(path: Path | None, *sources: Path) -> None:
    """Refuse before the work begins an output that cannot be written after it, or that would replace its source."""
    if path is None:
        return
    if path.exists() and any(source.exists() and path.samefile(source) for source in sources):
        raise InputError(f"{path} would be replaced by what is made from it; name another file")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        what = "is a folder" if path.is_dir() else f"cannot be written: no writable folder {path.parent}"
        raise InputError(f"{path} {what}; name another file")


if __name__ == "__main__":
    main()
