"""Simulated cluster: how many workers there are, how fast each is, how steady, and how often one fails."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError
from nasbench.registry import split_outside


@dataclass(frozen=True)
class Cluster:
    """Workers that each train one trial at a time.

    Attributes:
        speeds: Speed of each worker relative to the machine whose training times are recorded.
        jitter: Standard deviation of the logarithm of what each trial takes, as a multiple of its time; 0 for steady
            workers. The multiple has the expectation 1.
        mtbf: Mean time between failures of a worker while it trains, in simulated seconds; infinite for none.
        restarts: How often a trial that died is started again, on the same worker; after one more death it has failed,
            and its scores are NaN.
    """

    speeds: tuple[float, ...] = (1.0,)
    jitter: float = 0.0
    mtbf: float = math.inf
    restarts: int = 3

    def __post_init__(self) -> None:
        """Test the numbers.

        Raises:
            InputError: There is no worker, or a number is out of its range.
        """
        check_number("the jitter of workers", self.jitter, least=0, most=3)
        if self.mtbf != math.inf:
            check_number("the mean time between failures (mtbf)", self.mtbf, above=0)
        check_whole("the number of restarts", self.restarts, 0)
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
        """The cluster that `"4"` (equal workers) or `"1,1,0.5"` (a speed each) stands for; settings follow after `+`.

        >>> Cluster.parse("1,0.5")
        Cluster(speeds=(1.0, 0.5), jitter=0.0, mtbf=inf, restarts=3)
        >>> Cluster.parse("2+jitter=0.3+mtbf=3600+restarts=1")
        Cluster(speeds=(1.0, 1.0), jitter=0.3, mtbf=3600.0, restarts=1)

        Raises:
            InputError: The text is not of that form.
        """
        workers, *settings = split_outside(text, "+")
        try:
            speeds = tuple(map(float, workers.split(","))) if "," in workers else cls.of(int(workers)).speeds
            given: dict[str, float] = {}
            for setting in settings:
                name, _, value = setting.partition("=")
                if name not in ("jitter", "mtbf", "restarts") or name in given:
                    raise ValueError(setting)
                given[name] = int(value) if name == "restarts" else float(value)
            return cls(speeds, **given)  # type: ignore[arg-type]  # restarts is whole
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"workers are a number, or their speeds separated by commas, as in 1,1,0.5; got {text!r}; "
                "+jitter=0.3, +mtbf=SECONDS and +restarts=3 may follow"
            ) from error

    @property
    def steady(self) -> bool:
        """Whether each trial takes the time that it takes, and none dies."""
        return not self.jitter and self.mtbf == math.inf

    @property
    def recorded(self) -> int | tuple[float, ...] | str:
        """The cluster in results: the number of equal workers, their speeds, or a text that `parse` takes."""
        equal = set(self.speeds) == {1.0}
        if self.steady:
            return len(self) if equal else self.speeds
        workers = str(len(self)) if equal else ",".join(map(repr, self.speeds))
        failures = f"+mtbf={self.mtbf!r}+restarts={self.restarts}" if self.mtbf < math.inf else ""
        return workers + (f"+jitter={self.jitter!r}" if self.jitter else "") + failures

    def __len__(self) -> int:
        """Number of workers."""
        return len(self.speeds)
