"""Genotypes as named choices: dictionary, text, ConfigSpace (Lindauer et al., 2019), Optuna (Akiba et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace
    from optuna import Trial

    from nasbench.spaces.base import Space
    from nasbench.spaces.values import Option
    from nasbench.types import GenotypeArray


def named(space: Space, genotype: GenotypeArray) -> dict[str, Option]:
    """Choice name -> option name, for a genotype `(d,)`."""
    return {name: space.option_names(position)[genotype[position]] for position, name in enumerate(space.choice_names)}


def from_names(space: Space, config: Mapping[str, Any]) -> GenotypeArray:
    """Inverse of `named`; see `Space.from_config`."""
    genotype, ok = _repaired(space, _read(space, config))
    if not ok:
        raise InputError(f"the choices are no architecture of {space.name}: {space.invalid(genotype[None])[0]}")
    return genotype


def config_space(space: Space, seed: int | None) -> ConfigurationSpace:
    """See `Space.config_space`."""
    try:
        import ConfigSpace
    except ImportError as error:
        raise MissingExtraError(
            f"the configuration space of {space.name} needs ConfigSpace: pip install 'nasbench[configspace]'"
        ) from error
    result = ConfigSpace.ConfigurationSpace(name=space.name, seed=seed)
    result.add(
        ConfigSpace.CategoricalHyperparameter(name, space.option_names(position))
        for position, name in enumerate(space.choice_names)
    )
    return result


def from_trial(space: Space, trial: Trial) -> GenotypeArray:
    """See `Space.optuna`."""
    suggested = {
        name: trial.suggest_categorical(name, space.option_names(position))
        for position, name in enumerate(space.choice_names)
    }
    genotype, ok = _repaired(space, _read(space, suggested))
    if ok:
        return genotype
    reason = f"no architecture of {space.name}: {space.invalid(genotype[None])[0]}"
    try:
        from optuna import TrialPruned
    except ImportError as error:
        raise MissingExtraError(f"{reason}; pruning the trial needs Optuna: pip install 'nasbench[optuna]'") from error
    raise TrialPruned(reason)


def check_word(role: str, word: Any) -> None:
    """Check that a name or an option can be read back from `to_string`; `role` says what it is, for the message.

    Raises:
        InputError: It cannot.
    """
    if not isinstance(word, str) or not word or word != word.strip() or {*word} & {*",=\n\r"}:
        raise InputError(f"{word!r} cannot be the {role}; use a string without ',', '=' and space around it")


def to_string(space: Space, genotype: GenotypeArray) -> str:
    """A genotype `(d,)` as in `depth=2,kernel=5`, for spaces whose names have neither `,` nor `=`."""
    return ",".join(f"{name}={option}" for name, option in named(space, genotype).items())


def from_string(space: Space, text: str) -> list[int]:
    """Inverse of `to_string`; the choices may come in any order."""
    parts = [part.partition("=") for part in text.split(",")]
    config = {name.strip(): option.strip() for name, _, option in parts}
    if not all(equals for _, equals, _ in parts) or len(config) < len(parts):
        example = to_string(space, np.zeros(len(space.cardinalities), dtype=np.int8))
        raise InputError(f"expected an architecture of {space.name} as in {example!r}, got {text!r}")
    return _read(space, config, as_text=True)


def _read(space: Space, config: Mapping[str, Any], as_text: bool = False) -> list[int]:
    """Index of each named option among those of its choice; with `as_text`, options are strings."""
    names = space.choice_names
    unknown, missing = [name for name in config if name not in names], [name for name in names if name not in config]
    if unknown or missing:
        wrong = f"has no choice {unknown[0]!r}" if unknown else f"needs the choice {missing[0]!r}"
        raise InputError(f"{space.name} {wrong}; its choices are {', '.join(names)}")
    indices = []
    for position, name in enumerate(names):
        options: Sequence[Any] = space.option_names(position)
        if as_text:
            options = [str(option) for option in options]
        if config[name] not in options:
            known = ", ".join(map(str, options))
            raise InputError(f"{name!r} of {space.name} cannot be {config[name]!r}; its options are {known}")
        indices.append(options.index(config[name]))
    return indices


def _repaired(space: Space, indices: Sequence[int]) -> tuple[GenotypeArray, bool]:
    """Independent choices repaired to an architecture, and True; unchanged, and False, if that is impossible."""
    raw = np.array([indices], dtype=np.int8)
    genotypes, ok = space.repair(raw.copy())
    return (genotypes[0], True) if ok[0] else (raw[0], False)
