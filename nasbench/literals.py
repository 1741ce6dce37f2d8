"""Python expressions as syntax trees, in threads too: nothing is evaluated."""

from __future__ import annotations

import ast
from threading import Lock

_PARSING = Lock()


def parse(text: str) -> ast.expr:
    """Syntax tree of an expression.

    The parser of CPython 3.11 counts the depth of all threads in one place, so that some of them fail by `SystemError`
    when it is used by several.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: The text is no expression, or is nested too deeply.
    """
    with _PARSING:
        return ast.parse(text.strip(), mode="eval").body
