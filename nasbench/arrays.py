"""Read-only views of arrays: what crosses a border between two owners is either a copy or one of these."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.generic)


def read_only(array: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """A view that cannot be written to; who holds the array itself still can.

    `copy` gives an array of one's own, and `torch.tensor` a tensor of one's own: `torch.from_numpy` would share memory,
    and warns.
    """
    view = array.view()
    view.flags.writeable = False
    return view
