"""The predictor that the documentation shows does what it says."""

import re
import sys
from pathlib import Path

import pytest

from nasbench.predictors import predictors
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

PAGE = Path(__file__).parents[2] / "docs" / "add-a-predictor.md"


@pytest.mark.parametrize("space", ["nb101", "nb201"])
def test_the_example_keeps_the_contract(tmp_path, monkeypatch, space):
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    (tmp_path / "my_predictor.py").write_text(code[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_predictor", raising=False)
    check_predictor(predictors.create("my_predictor:NearestNeighbours+k=4"), spaces.create(space))
