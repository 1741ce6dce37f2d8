"""Keys are the same on every machine and with every version: tables are joined by them."""

import numpy as np
import pytest

from nasbench.spaces import GenotypeArray, Space, spaces

GOLDEN = {
    "darts": (207_212_887_675_105_310, 3_508_159_703_511_715_948),
    "nasnet": (1_385_075_570_338_571_337, 3_515_452_070_592_742_364),
    "nb101": (1_788_652_484, 1_788_652_484),
    "nb201": (6_177, 6_227),
    "nats_size": (20_680, 20_680),
    "tnb101_micro": (1_235, 3_445),
    "macro": (7_047, 6_223),
    "transformer": (6_649_665_032_278_552_129, 6_649_665_032_278_552_129),
    "flexibert": (29_644_180, 29_644_180),
    "graph": (23_347, 19_197),
    "mobile": (111_259_033_327, 111_259_033_327),
    "ofa": (4_262_207_128_868_240_998, 4_262_207_128_868_240_998),
    "detection": (3_536_062_761_320_408_782, 3_536_062_761_320_408_782),
    "yolo": (394, 394),
}
"""For each space the exclusive or of the keys, and of the function keys, of its `genotypes`. Never change one."""


def genotypes(space: Space) -> GenotypeArray:
    """A thousand vectors that need no random numbers, as far as they can be read as architectures."""
    raw = (np.arange(1000)[:, None] * (7 + 2 * np.arange(len(space.choices))) // 3 % space.choices).astype(np.int8)
    repaired, fine = space.repair(raw)
    return space.check(repaired[fine])


@pytest.mark.parametrize("name", list(spaces))
def test_golden_keys(name: str) -> None:
    space = spaces.create(name)
    chosen = genotypes(space)
    assert len(chosen) > 20
    found = tuple(int(np.bitwise_xor.reduce(keys)) for keys in (space.key(chosen), space.function_key(chosen)))
    assert found == GOLDEN[name]
