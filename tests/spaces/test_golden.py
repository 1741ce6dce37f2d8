"""Keys are the same on every machine and in every version, because tables are joined by them."""

import numpy as np
import pytest

from nasbench.spaces import Space, spaces
from nasbench.types import GenotypeArray

GOLDEN = {
    "darts": (791_638_899_682_072_658, 3_972_693_284_466_771_591),
    "darts+none=true": (4_726_992_062_564_945_961, 7_494_435_080_672_834_048),
    "nasnet": (5_322_535_147_832_026_506, 2_161_937_785_498_195_825),
    "nb101": (54_895_472, 54_895_472),
    "nb201": (5_365, 2_295),
    "nats_size": (12_001, 12_001),
    "tnb101_micro": (107, 1_785),
    "tnb101_macro": (2_074, 2_074),
    "macro": (3_903, 525),
    "transformer": (7_849_091_428_225_486_783, 7_849_091_428_225_486_783),
    "flexibert": (26_782_196, 26_782_196),
    "graph": (64_156, 59_148),
    "nlp": (6_100_329_985_247_213_896, 7_588_119_398_078_625_537),
    "mobile": (94_187_252_208, 94_187_252_208),
    "ofa": (4_280_683_907_900_200_669, 4_280_683_907_900_200_669),
    "detection": (1_989_784_944_852_947_775, 1_989_784_944_852_947_775),
    "yolo": (514, 514),
}
"""Space -> XOR of the keys, and of the function keys, of its `genotypes`. Never change one."""


def genotypes(space: Space) -> GenotypeArray:
    """Repaired architectures of a thousand raw vectors, from numbers that numpy never changes (NEP 19)."""
    numbers = np.random.PCG64(0).random_raw((1000, len(space.cardinalities)))
    repaired, ok = space.repair((numbers % np.array(space.cardinalities, dtype=np.uint64)).astype(np.int8))
    return np.unique(space.check(repaired[ok]), axis=0)


@pytest.mark.parametrize("name", [*spaces, "darts+none=true"])
def test_golden_keys(name: str) -> None:
    space = spaces.create(name)
    chosen = genotypes(space)
    assert len(chosen) > 250
    actual = tuple(int(np.bitwise_xor.reduce(keys)) for keys in (space.key(chosen), space.function_key(chosen)))
    assert actual == GOLDEN[name]
