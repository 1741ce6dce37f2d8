"""Simulated cluster: how many workers there are, and how fast each is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nasbench.checks import check_whole
from nasbench.errors import InputError


@dataclass(frozen=True)
class Cluster:
    """Workers that each train one trial at a time.

    Attributes:
        speeds: Speed of each worker relative to the machine whose training times are recorded.
    """

    speeds: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Test the speeds.

        Raises:
            InputError: There is no worker, or a speed is not positive.
        """
        if not self.speeds:
            raise InputError("a cluster needs at least 1 worker, got none")
        for speed in self.speeds:
            if not 0 < speed < math.inf:
                raise InputError(f"the speed of a worker is a positive number, got {speed}")

    @classmethod
    def of(cls, workers: int | Cluster) -> Cluster:
        """A cluster of equal workers, as fast as the recorded machine; a cluster as it is.

        Raises:
            InputError: The number is not positive.
        """
        if isinstance(workers, Cluster):
            return workers
        check_whole("the number of workers", workers)
        return cls((1.0,) * workers)

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """The cluster that `"4"` (equal workers) or `"1,1,0.5"` (a speed each) stands for.

        >>> Cluster.parse("1,0.5")
        Cluster(speeds=(1.0, 0.5))

        Raises:
            InputError: The text is not of that form.
        """
        try:
            if "," in text:
                return cls(tuple(float(speed) for speed in text.split(",")))
            return cls.of(int(text))
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"workers are a number, or their speeds separated by commas, as in 1,1,0.5; got {text!r}"
            ) from error

    def __len__(self) -> int:
        """Number of workers."""
        return len(self.speeds)
