"""Compound scaling: one number, phi, sets resolution, backbone, width and depths (EfficientDet, Tan et al., 2020)."""

from __future__ import annotations

from typing import NamedTuple


class Scaling(NamedTuple):
    """One row of Table 1 of EfficientDet.

    Attributes:
        resolution: Height and width of the input in pixels.
        backbone: Index of the EfficientNet backbone: 0 for B0.
        width: Channels of the pyramid.
        depth: Repetitions of the pyramid.
        head: Layers of the class net and of the box net.
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
"""Published values that differ from the formulas of the paper."""


def scaling(phi: int) -> Scaling:
    """The sizes of EfficientDet-D0 to D7 (Tan et al., 2020, equations 1 to 3 and Table 1).

    The resolution is `512 + 128 phi`. The width is `64 * 1.35^phi`, rounded to a multiple of 8 (D1), 16 (D2) or 32 (all
    others). The pyramid depth is `3 + phi`, the depth of the nets `3 + floor(phi / 3)`. The published table departs
    from the formulas: D5 has the resolution of D6 and depth 7, D6 and D7 have depth 8, and D7 has the backbone and
    width of D6 and resolution 1536.
    """
    multiple = min(32, 4 << phi)
    formula = Scaling(512 + 128 * phi, phi, round(64 * 1.35**phi / multiple) * multiple, 3 + phi, 3 + phi // 3)
    return formula._replace(**_PUBLISHED.get(phi, {}))
