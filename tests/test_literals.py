"""Expressions are parsed, not evaluated, and by many threads at once."""

import ast
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from nasbench.literals import parse


def test_by_hand():
    tree = parse(" f(1, a=[2]) ")
    assert isinstance(tree, ast.Call)
    assert ast.unparse(tree) == "f(1, a=[2])"
    with pytest.raises(SyntaxError):
        parse("x = 1")


def test_threads_share_the_parser():
    texts = ["[" * depth + "0" + "]" * depth for depth in range(1, 40)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert [ast.unparse(tree) for tree in pool.map(parse, texts * 50)] == texts * 50
    finally:
        sys.setswitchinterval(interval)
