"""Options of an importer, derived from its constructor: types from the annotations, help from the docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from nasbench.importers.base import Importer

SCALARS = (bool, int, float, str, Path)


class Option(NamedTuple):
    """One constructor argument of an importer, as a user sets it.

    Attributes:
        name: Name of the argument.
        type: One of `SCALARS`, or a list of one: such an option may be repeated.
        required: Whether there is no default.
        default: The default where it is a scalar, else None.
        help: Description from the `Args:` section of the class.
    """

    name: str
    type: Any
    required: bool
    default: bool | int | float | str | Path | None
    help: str

    @property
    def flag(self) -> str:
        """Spelling on the command line, such as `--arch-column`."""
        return f"--{self.name.replace('_', '-')}"


def options_of(importer: type[Importer]) -> list[Option]:
    """The options of an importer, in the order of its constructor."""
    try:
        parameters = inspect.signature(importer, eval_str=True).parameters.values()
    except NameError:  # an annotation that only type checkers import
        parameters = inspect.signature(importer).parameters.values()
    described = _arguments(importer)
    return [
        Option(
            parameter.name,
            _option_type(parameter.annotation),
            parameter.default is parameter.empty,
            parameter.default if isinstance(parameter.default, SCALARS) else None,
            described.get(parameter.name, ""),
        )
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def summary_of(importer: type[Importer]) -> str:
    """The docstring of an importer up to its arguments, with paper and licence."""
    summary = (inspect.getdoc(importer) or "").partition("\nArgs:\n")[0].strip()
    return f"{summary}\n\nPaper: {importer.paper}. Licence: {importer.licence}."


def _option_type(annotation: Any) -> Any:
    """Type of one value: the first alternative of a union, `list[T]` for sequences, text for anything unknown."""
    if get_origin(annotation) in (Union, UnionType):
        return _option_type(next(part for part in get_args(annotation) if part is not NoneType))
    container = get_origin(annotation) or annotation
    if isinstance(container, type) and issubclass(container, Sequence) and container is not str:
        return list[_option_type((*get_args(annotation), str)[0])]  # type: ignore[misc]
    return annotation if annotation in SCALARS else str


def _arguments(documented: type) -> dict[str, str]:
    """Descriptions in the `Args:` section of a class docstring, by name."""
    section = re.search(r"^Args:\n((?: {4}.*\n?|\n)*)", inspect.getdoc(documented) or "", re.MULTILINE)
    described = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in described}
