"""The options of an importer are the arguments of its constructor."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nasbench.importers import importers
from nasbench.importers.hat import HAT
from nasbench.importers.options import Option, options_of, summary_of

if TYPE_CHECKING:
    from decimal import Decimal


class Example(HAT):
    """Rows of an example.

    Two paragraphs.

    Args:
        path: The first
            of two lines.
        words: Several.
        size: A fraction, or a name: it is tried in this order.
    """

    def __init__(self, path: Path, words: Sequence[str] = ("a",), size: float | str | None = None, whole: bool = True):
        self.settings = path, words, size, whole


class Unknown(HAT):
    def __init__(self, number: "Decimal", plain=2, *rest: int, **others: int):  # type: ignore[no-untyped-def]
        self.settings = number, plain, rest, others


def test_types_defaults_and_help() -> None:
    assert options_of(Example) == [
        Option("path", Path, True, None, "The first of two lines."),
        Option("words", list[str], False, None, "Several."),
        Option("size", float, False, None, "A fraction, or a name: it is tried in this order."),
        Option("whole", bool, False, True, ""),
    ]
    origin = f"Paper: {HAT.paper}. Licence: {HAT.licence}."
    assert summary_of(Example) == f"Rows of an example.\n\nTwo paragraphs.\n\n{origin}"


def test_unknown_annotations_are_text() -> None:
    assert options_of(Unknown) == [Option("number", str, True, None, ""), Option("plain", str, False, 2, "")]


@pytest.mark.parametrize("source", list(importers))
def test_every_option_is_described(source: str) -> None:
    for option in options_of(importers.resolve(source)[0]):
        assert option.help, option.name


def test_a_name_with_two_words_has_a_hyphen() -> None:
    flags = [option.flag for option in options_of(importers.resolve("csv")[0])]
    assert flags[:3] == ["--space", "--column", "--arch-column"]
