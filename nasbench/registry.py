"""Registries: names of components, imported on use, and `module:Class` for components outside the package."""

import ast
import copy
import importlib
import importlib.util
import inspect
import json
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

from nasbench.errors import InputError, blamed
from nasbench.imports import import_module
from nasbench.literals import parse

T = TypeVar("T")


class Registry(Generic[T]):
    """The components of one kind, by name.

    A *specification* is a name with optional constructor arguments: `"gp"`, `"gnn+steps=500"`,
    `"mymodule:MyPredictor+k=3"`. Values are parsed as JSON, or as plain text if that fails; a value that is itself a
    specification with arguments is a JSON string: `'bayesian+predictor="ridge+alpha=2"'`.

    Args:
        kind: What the components are, in the singular ("predictor"); used in messages.
        base: `"module:Class"` of their base class.
        entries: Name to `"module:Class"`, or to another specification for an alias.
        groups: Names that stand for several components at once, for `expand`.
    """

    def __init__(
        self, kind: str, base: str, entries: Mapping[str, str], groups: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.kind, self.base, self.entries, self.groups = kind, base, dict(entries), dict(groups or {})

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def create(self, spec: str | type[T] | T, **defaults: Any) -> T:
        """Construct the component that `spec` names; arguments in `spec` win over `defaults`.

        A class is constructed with the `defaults` that it takes; of an instance a copy is returned, as it is.

        Raises:
            InputError: The name is unknown, cannot be imported, is of another kind, or refuses the arguments.
        """
        if not isinstance(spec, str):
            return self._create_from(spec, defaults)
        cls, arguments = self.resolve(spec)
        known = inspect.signature(cls).parameters
        for name in arguments:
            if name not in known:
                takes = ", ".join(known) or "no arguments"
                raise InputError(f"{self.kind} {spec!r}: unknown argument {name!r}; it takes {takes}")
        arguments = {**{k: v for k, v in defaults.items() if k in known}, **arguments}
        absent = [f"{name}=" for name in _required(known.values()) if name not in arguments]
        if absent:
            example = "+".join([spec, *(f"{name}..." for name in absent)])
            raise InputError(f"{self.kind} {spec!r} needs {' and '.join(absent)}; write {example}")
        with blamed(f"{self.kind} {spec!r}"):
            try:
                return cls(**arguments)
            except TypeError as error:
                raise InputError(f"{self.kind} {spec!r}: {error}") from error

    def resolve(self, spec: str) -> tuple[type[T], dict[str, Any]]:
        """The class and the constructor arguments of a specification."""
        target, arguments = self._target(spec)
        module, _, attribute = target.partition(":")
        cls = getattr(import_module(module, f"{self.kind} {spec!r}"), attribute, None)
        base_module, _, base_name = self.base.partition(":")
        base = getattr(importlib.import_module(base_module), base_name)
        if cls is None:
            raise InputError(f"{self.kind} {spec!r}: module {module!r} has no {attribute!r}")
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise InputError(f"{self.kind} {spec!r} is not a {base_name}; derive it from {base_module}.{base_name}")
        return cls, arguments

    def _create_from(self, component: type[T] | T, defaults: Mapping[str, Any]) -> T:
        module, _, name = self.base.partition(":")
        base = getattr(importlib.import_module(module), name)
        if not isinstance(component, type):
            if not isinstance(component, base):
                raise InputError(f"{component!r} is no {self.kind}; derive its class from {module}.{name}")
            with blamed(f"{self.kind} {type(component).__name__}"):
                copied: T = copy.deepcopy(component)
            return copied
        if not issubclass(component, base):
            raise InputError(f"{component.__name__} is no {self.kind}; derive it from {module}.{name}")
        known = inspect.signature(component).parameters
        with blamed(f"{self.kind} {component.__name__}"):
            try:
                return component(**{name: value for name, value in defaults.items() if name in known})
            except TypeError as error:
                raise InputError(f"{self.kind} {component.__name__}: {error}; pass an instance") from error

    def expand(self, specs: Iterable[str]) -> tuple[str, ...]:
        """Specifications with groups replaced by their members and plain aliases by their targets, without repeats."""
        members = (member for spec in specs for member in self.groups.get(spec, (spec,)))
        return tuple(dict.fromkeys(self.entries[name] if self._is_alias(name) else name for name in members))

    def describe(self, name: str) -> str:
        """First line of the module docstring of a component, read without importing it; the target of an alias."""
        if self._is_alias(name):
            return f"Short for {self.entries[name]}."
        target, _ = self._target(name)
        spec = importlib.util.find_spec(target.partition(":")[0])
        if spec is None or spec.origin is None:
            return ""
        blank = (tokenize.COMMENT, tokenize.NL)
        with Path(spec.origin).open(encoding="utf-8") as source:  # read up to the docstring: files are long
            first = next(token for token in tokenize.generate_tokens(source.readline) if token.type not in blank)
        docstring = ast.literal_eval(parse(first.string)) if first.type == tokenize.STRING else ""
        return inspect.cleandoc(docstring).partition("\n")[0]

    def _is_alias(self, name: str) -> bool:
        return name in self.entries and ":" not in self.entries[name]

    def _target(self, spec: str) -> tuple[str, dict[str, Any]]:
        name, *pairs = split_outside(spec, "+")
        arguments: dict[str, Any] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals or not key.isidentifier():
                raise InputError(f"{self.kind} {spec!r}: expected name=value after '+', got {pair!r}")
            if key in arguments:
                raise InputError(f"{self.kind} {spec!r}: the argument {key!r} is given twice")
            arguments[key] = _value(value)
        if name in self.entries:
            entry = self.entries[name]
            if entry.partition("+")[0] in self.entries:
                entry, preset = self._target(entry)
                arguments = {**preset, **arguments}
            return entry, arguments
        if ":" in name:
            return name, arguments
        if name in self.groups:
            raise InputError(f"{self.kind} {name!r} stands for several: name one of {', '.join(self.groups[name])}")
        names = [*self.entries, *self.groups]
        close = sorted((known for known in names if name and name in known), key=lambda known: known.find(name))
        close = close or get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(
            f"unknown {self.kind} {name!r}: {hint}known are {', '.join(names)}, and your own as module:Class"
        )


def arguments_of(component: object) -> dict[str, Any]:
    """Constructor arguments of a component by name, read from the attributes of the same names.

    Raises:
        InputError: An argument is not kept as an attribute.
    """
    names = inspect.signature(type(component)).parameters
    absent = [name for name in names if not hasattr(component, name)]
    if absent:
        kind = type(component).__name__
        raise InputError(f"{kind} does not keep its argument {absent[0]!r} as an attribute; store it")
    return {name: getattr(component, name) for name in names}


def _required(parameters: Iterable[inspect.Parameter]) -> list[str]:
    """Names of parameters that a call must give."""
    return [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def split_outside(text: str, separator: str) -> list[str]:
    """Parts of a text between separators that stand outside JSON strings, lists and objects, and outside numbers.

    >>> split_outside('a+b="c+d=1"+e=[1,2]+f=1e+5', "+")
    ['a', 'b="c+d=1"', 'e=[1,2]', 'f=1e+5']
    """
    parts, depth, begin = [], 0, 0
    for token in _TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth = max(depth - 1, 0)
        elif token[0] == separator and depth == 0:
            parts.append(text[begin : token.start()])
            begin = token.end()
    return [*parts, text[begin:]]


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\d.][eE]\+\d|[][{}+,]')
"""JSON strings, exponents of numbers, brackets and separators."""


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
