"""Compound scaling: one number phi sets resolution, backbone, width and depths of a detector (Tan et al., 2020)."""

from __future__ import annotations

from typing import NamedTuple


class Scaling(NamedTuple):
    """One row of Table 1 of EfficientDet.

    Attributes:
        resolution: Height and width of the input in pixels.
        backbone: The EfficientNet that gives the features: 0 for B0.
        width: Channels of the pyramid.
        depth: How often the pyramid is repeated.
        head: Layers of the class and of the box net.
    """

    resolution: int
    backbone: int
    width: int
    depth: int
    head: int


_PUBLISHED = {
    5: {"resolution": 1280, "depth": 7},
    6: {"depth": 8},
    7: {"resolution": 1536, "backbone": 6, "width": 384, "depth": 8},
}
"""Where the published table has other values than the formulas of the paper."""


def scaling(phi: int) -> Scaling:
    """The sizes of EfficientDet-D0 to D7 (Tan et al., 2020, equations 1 to 3 and Table 1).

    The resolution is `512 + 128 phi`, the width `64 * 1.35^phi`, which the paper rounds to a multiple of 8 (D1), of 16
    (D2) and of 32, the depth `3 + phi` and that of the nets `3 + floor(phi / 3)`. The table departs from this: D5 has
    the resolution of D6 and a depth of 7, D6 and D7 a depth of 8, and D7 the backbone and width of D6, and a
    resolution of 1536.
    """
    grain = min(32, 4 << phi)
    formula = Scaling(512 + 128 * phi, phi, round(64 * 1.35**phi / grain) * grain, 3 + phi, 3 + phi // 3)
    return formula._replace(**_PUBLISHED.get(phi, {}))
