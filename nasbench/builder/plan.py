"""The plan of a build: its space, its data, and the recipe that all numbers of a table share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import check_metric
from nasbench.builder.columns import curve_metrics, measured_metrics
from nasbench.builder.ledger import TRAINING, Key, differences
from nasbench.builder.settings import BuildSettings
from nasbench.datasets import DEFAULTS, Data, Dataset, datasets
from nasbench.datasets.base import SPLITS
from nasbench.errors import InputError
from nasbench.measures import measures
from nasbench.spaces import Space, spaces
from nasbench.training.history import curve_names
from nasbench.training.settings import OPTIMISERS
from nasbench.types import GenotypeArray


@dataclass(frozen=True)
class Plan:
    """Loaded components of a build and its recipe.

    Attributes:
        space: The search space.
        specifications: Specifications of the data sets by name.
        data: Data of the data sets by name.
        recipe: Settings that all numbers of a table must share, as JSON values.
        described: Descriptions of the data sets by name, as JSON values.
    """

    space: Space
    specifications: Mapping[str, str]
    data: Mapping[str, Data]
    recipe: Mapping[str, Any]
    described: Mapping[str, Any]


def make_plan(settings: BuildSettings, device: torch.device) -> Plan:
    """Load the data and check that space, data sets and measures fit together.

    Args:
        settings: Content of the table.
        device: Training device.

    Raises:
        InputError: They do not fit together; the message says why.
        MissingExtraError: A data set or measure needs a package that is not installed.
    """
    space = spaces.create(settings.space)
    specifications: dict[str, str] = {}
    data: dict[str, Data] = {}
    described = {}
    for specification in settings.datasets:
        dataset = datasets.create(specification)
        if "@" in dataset.name:
            raise InputError(f"the name of a data set must not contain @, got {dataset.name!r}")
        if dataset.name in data:
            raise InputError(
                f"{specification!r} and {specifications[dataset.name]!r} are both named {dataset.name!r}; "
                "build a file for each"
            )
        loaded = dataset.load()
        if space.task != loaded.task.name:
            default = DEFAULTS.get(space.task)
            remedy = f"; train on {default!r}, for example" if default else ""
            raise InputError(
                f"networks of {space.name} are trained for {space.task}, but {dataset.name} is for {loaded.task.name}"
                + remedy
            )
        _check_metrics(curve_metrics(dataset.name, loaded.task))
        specifications[dataset.name], data[dataset.name] = specification, loaded
        described[dataset.name] = _described(specification, dataset, loaded)
    _check_measures(settings.measures, data)
    training = {name: value for name, value in asdict(settings.train).items() if name != "epochs"}
    warm_up = training.pop("warmup_epochs") / settings.train.epochs
    recipe = {
        "space": {"specification": settings.space, "name": space.name},
        "seed": settings.seed,
        "network": asdict(settings.network),
        "training": {
            **training,
            "loss": next(iter(data.values())).task.lost,
            "optimiser": OPTIMISERS[settings.train.optimiser],
            "schedule": "linear warm-up, then a cosine to 0, by step",
            "warm_up": warm_up,
        },
        "latency_repeats": settings.latency_repeats,
        "precision": "bfloat16 autocast" if device.type == "cuda" else "float32",
    }
    return Plan(space, specifications, data, json.loads(json.dumps(recipe)), json.loads(json.dumps(described)))


def _check_metrics(metrics: Iterable[Metric]) -> None:
    """Check that a table can hold metrics, before anything is trained."""
    for metric in metrics:
        check_metric(metric.path, metric)


def _check_measures(names: Sequence[str], data: Mapping[str, Data]) -> None:
    """Check that measures exist, can be taken here, and share no column with the training or another measure."""
    curves = (curve for loaded in data.values() for curve in curve_names(loaded.task))
    recorded = dict.fromkeys(curves, "the training")
    for name in measures.expand([*measures, *names]):
        if "+" in name:
            raise InputError(f"the measure {name!r} takes no arguments in a table; derive a class of your own instead")
        measure = measures.create(name)
        if not hasattr(measure, "quantities"):
            raise InputError(f"the measure {name!r} does not say its quantities; give its class the attribute")
        if name in names:
            measure.ready()
        for dataset in data:
            _check_metrics(measured_metrics(dataset, measure))
        for quantity in measure.quantities:
            if quantity.name in recorded:
                both = f"{recorded[quantity.name]} and the measure {name!r}"
                raise InputError(f"{both} both record {quantity.name!r}; rename one column")
            recorded[quantity.name] = f"the measure {name!r}"


def _described(specification: str, dataset: Dataset, data: Data) -> dict[str, Any]:
    return {
        "specification": specification,
        "settings": dataset.settings(),
        "sha256": data.checksum(),
        "task": data.task.name,
        "inputs": {split: len(data.splits[split]) for split in SPLITS},
    }


def request_of(settings: BuildSettings, plan: Plan) -> dict[str, Any]:
    """The request of this call, as JSON values; stored as a part of the recipe once it is answered."""
    return {
        "sampling": settings.sampling,
        "cells": settings.cells,
        "seeds": settings.seeds,
        "epochs": list(settings.schedules),
        "datasets": list(plan.data),
        "measures": list(settings.measures),
    }


def covers(part: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """Whether a part of a table answers a request."""
    cells = part["cells"] is None or (request["cells"] is not None and request["cells"] <= part["cells"])
    lists = all(set(request[name]) <= set(part[name]) for name in ("epochs", "datasets"))
    lists = lists and set(request["measures"]) <= set(measures.expand(part["measures"]))
    return part["sampling"] == request["sampling"] and cells and request["seeds"] <= part["seeds"] and lists


def trainings(settings: BuildSettings, plan: Plan, genotypes: GenotypeArray) -> list[Key]:
    """Keys of all requested trainings of architectures `(n, d)`."""
    return [
        Key.of(TRAINING, dataset, length, seed, genotype)
        for dataset in plan.specifications
        for length in settings.schedules
        for seed in range(settings.seeds)
        for genotype in genotypes
    ]


def all_work(settings: BuildSettings, plan: Plan, genotypes: GenotypeArray) -> list[Key]:
    """Keys of all requested trainings and measurements of architectures `(n, d)`."""
    work = trainings(settings, plan, genotypes)
    trained = {name: measures.resolve(name)[0].trained for name in settings.measures}
    return [
        *work,
        *(key._replace(kind=measure) for measure in trained if trained[measure] for key in work),
        *(
            Key.of(measure, dataset, 0, 0, genotype)
            for measure in trained
            if not trained[measure]
            for dataset in plan.specifications
            for genotype in genotypes
        ),
    ]


def changed_data(name: str, before: Mapping[str, Any], plan: Plan) -> list[tuple[str, Any, Any]]:
    """Differences of a data set from its earlier description, except how its specification was written."""
    fields = [field for field in plan.described[name] if field != "specification"]
    there, here = ({field: entry.get(field) for field in fields} for entry in (before, plan.described[name]))
    return differences({name: there}, {name: here})
