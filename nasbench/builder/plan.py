"""What the settings of a build stand for: space, data, and what must be equal for numbers to belong into one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from nasbench.builder.ledger import TRAINING, Key, differences
from nasbench.builder.settings import BuildSettings
from nasbench.datasets import DEFAULTS, Data, Dataset, datasets
from nasbench.datasets.base import SPLITS
from nasbench.errors import InputError
from nasbench.measures import measures
from nasbench.spaces import Space, spaces
from nasbench.training.settings import OPTIMISERS
from nasbench.types import GenotypeArray


@dataclass(frozen=True)
class Plan:
    """What the settings stand for.

    Attributes:
        space: The search space.
        specifications: Of the data sets, by their names.
        data: Of the data sets, by their names.
        recipe: What must be equal for numbers to belong into one table, as JSON values.
        described: The data sets by name, as JSON values.
    """

    space: Space
    specifications: Mapping[str, str]
    data: Mapping[str, Data]
    recipe: Mapping[str, Any]
    described: Mapping[str, Any]


def make_plan(settings: BuildSettings, device: torch.device) -> Plan:
    """Load the data and see that all parts fit each other.

    Args:
        settings: What to make.
        device: Where to train.

    Raises:
        InputError: They do not; says which.
        MissingExtraError: A data set or a measure needs a package that is not here.
    """
    space = spaces.create(settings.space)
    specifications: dict[str, str] = {}
    data: dict[str, Data] = {}
    described = {}
    for specification in settings.datasets:
        dataset = datasets.create(specification)
        if "@" in dataset.name:
            raise InputError(f"the name of a data set has no @, got {dataset.name!r}")
        if dataset.name in data:
            raise InputError(
                f"{specification!r} and {specifications[dataset.name]!r} are both filed under {dataset.name!r}; "
                "build a file for each"
            )
        loaded = dataset.load()
        if space.task != loaded.task.name:
            suited = DEFAULTS.get(space.task)
            remedy = f"; train on {suited!r}, for example" if suited else ""
            raise InputError(
                f"networks of {space.name} are trained for {space.task}, but {dataset.name} is for {loaded.task.name}"
                + remedy
            )
        specifications[dataset.name], data[dataset.name] = specification, loaded
        described[dataset.name] = _described(specification, dataset, loaded)
    _check_measures(settings.measures)
    training = {name: value for name, value in asdict(settings.train).items() if name != "epochs"}
    warm = training.pop("warmup_epochs") / settings.train.epochs
    recipe = {
        "space": {"specification": settings.space, "name": space.name},
        "seed": settings.seed,
        "network": asdict(settings.network),
        "training": {
            **training,
            "loss": next(iter(data.values())).task.lost,
            "optimiser": OPTIMISERS[settings.train.optimiser],
            "schedule": "linear warm-up, then a cosine to 0, by step",
            "warm_up": warm,
        },
        "latency_repeats": settings.latency_repeats,
        "precision": "bfloat16 autocast" if device.type == "cuda" else "float32",
    }
    return Plan(space, specifications, data, json.loads(json.dumps(recipe)), json.loads(json.dumps(described)))


def _check_measures(names: Sequence[str]) -> None:
    """Check that measures exist, can be taken here, and share no column with another measure."""
    recorded: dict[str, str] = {}
    for name in measures.expand([*measures, *names]):
        if "+" in name:
            raise InputError(f"the measure {name!r} takes no arguments in a table; derive a class of your own instead")
        measure = measures.create(name)
        if name in names:
            measure.ready()
        for quantity in measure.quantities:
            other = recorded.setdefault(quantity.name, name)
            if other != name:
                raise InputError(
                    f"the measures {other!r} and {name!r} both record {quantity.name!r}; rename one column"
                )


def _described(specification: str, dataset: Dataset, data: Data) -> dict[str, Any]:
    return {
        "specification": specification,
        "settings": dataset.settings(),
        "sha256": data.checksum(),
        "task": data.task.name,
        "inputs": {split: len(data.splits[split]) for split in SPLITS},
    }


def part_of(settings: BuildSettings, plan: Plan) -> dict[str, Any]:
    """What this call asks for, as JSON values."""
    return {
        "sampling": settings.sampling,
        "cells": settings.cells,
        "seeds": settings.seeds,
        "epochs": list(settings.schedules),
        "datasets": list(plan.data),
        "measures": list(settings.measures),
    }


def covers(done: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a part of a table is all that another asks for."""
    cells = done["cells"] is None or (asked["cells"] is not None and asked["cells"] <= done["cells"])
    lists = all(set(asked[name]) <= set(done[name]) for name in ("epochs", "datasets"))
    lists = lists and set(asked["measures"]) <= set(measures.expand(done["measures"]))
    return done["sampling"] == asked["sampling"] and cells and asked["seeds"] <= done["seeds"] and lists


def trainings(settings: BuildSettings, plan: Plan, genotypes: GenotypeArray) -> list[Key]:
    """All trainings of architectures `(n, d)` that are asked for."""
    return [
        Key.of(TRAINING, dataset, length, seed, genotype)
        for dataset in plan.specifications
        for length in settings.schedules
        for seed in range(settings.seeds)
        for genotype in genotypes
    ]


def all_work(settings: BuildSettings, plan: Plan, genotypes: GenotypeArray) -> list[Key]:
    """All trainings and measurements of architectures `(n, d)` that are asked for."""
    work = trainings(settings, plan, genotypes)
    trained = {what: measures.resolve(what)[0].trained for what in settings.measures}
    return [
        *work,
        *(key._replace(what=what) for what in trained if trained[what] for key in work),
        *(
            Key.of(what, name, 0, 0, genotype)
            for what in trained
            if not trained[what]
            for name in plan.specifications
            for genotype in genotypes
        ),
    ]


def other_data(name: str, there: Mapping[str, Any], plan: Plan) -> list[tuple[str, Any, Any]]:
    """In what a data set differs from what it was; how it was written does not matter."""
    fields = [field for field in plan.described[name] if field != "specification"]
    before, now = ({field: one.get(field) for field in fields} for one in (there, plan.described[name]))
    return differences({name: before}, {name: now})
