"""The call `Genotype(normal=[...], reduce=[...])` that DARTS prints, read without evaluating it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeGuard

from nasbench.errors import InputError
from nasbench.literals import parse


def is_list(value: Any, length: int) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether a value is a list or tuple of a length."""
    return isinstance(value, (list, tuple)) and len(value) == length


def genotype_fields(text: str, space: str, cells: Sequence[str]) -> dict[str, Any]:
    """Arguments of `Genotype(name=literal, ...)`, including literals like `range(2, 6)`; nothing is evaluated.

    Args:
        text: The call.
        space: Name of the space, for messages.
        cells: Names of the cells, each with arguments `<cell>`, `<cell>_concat` and `<cell>_combine`.

    Raises:
        InputError: The text is no such call.
    """
    form = "Genotype(normal=[('op', 0), ...], normal_concat=[2, ...], reduce=[('op', 0), ...], reduce_concat=[2, ...])"
    known = [name + field for name in cells for field in ("", "_concat", "_combine")]
    try:
        call = parse(text)
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            raise ValueError("no call by name with named arguments")
        fields = {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords}
        if call.func.id != "Genotype" or not {*cells} <= {*fields} <= {*known}:
            raise ValueError("another call")
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise InputError(f"expected an architecture of {space} as {form}, got {text[:80]!r}") from error
    return fields


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and not node.keywords:
        bounds = [ast.literal_eval(bound) for bound in node.args]
        if len(bounds) <= 2 and all(type(bound) is int and abs(bound) < 100 for bound in bounds):
            return list(range(*bounds))
    return ast.literal_eval(node)
