"""The page on measurements names what there is."""

import re
from pathlib import Path

from nasbench import measure
from nasbench.datasets.transforms.corruptions import CORRUPTIONS

PAGE = (Path(__file__).parents[2] / "docs/measurements.md").read_text(encoding="utf-8")


def test_every_measurement_has_a_row_and_every_row_is_one() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [\w ]+ \| (?:less|more) \|", PAGE, flags=re.MULTILINE)
    answers = {"Energy", "Robustness"}
    assert sorted(rows) == sorted(set(measure.__all__) - answers)


def test_every_corruption_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in CORRUPTIONS)
