"""Strategies that try to find more than they are asked to: none gains behind the guard, and faults are named."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.evaluate.results import Results
from nasbench.evaluate.strategies import compare
from nasbench.simulator import evaluator as evaluators

CHEATS = '''
import ctypes, gc, multiprocessing, os, sys, time

import numpy as np

from nasbench.search import Trial
from nasbench.search.random import RandomSearch

class Honest(RandomSearch):
    """What the others are but for their tricks."""

class Informed(RandomSearch):
    """Proposes the best of all, if it finds the table among what it looks through."""

    def _ask(self):
        for thing in self.things():
            if type(thing).__name__ == "TabulatedEvaluator":
                best = int(thing.valid[0, -1].argmax())
                return self.trial(self.space.decode(thing.codes[[best]])[0])
        return super()._ask()

class Objects(Informed):
    def things(self):
        return gc.get_objects()

class Frames(Informed):
    def things(self):
        frame, found = sys._getframe(), []
        while frame:
            for value in list(frame.f_locals.values()):
                found += [value, *vars(value).values()] if hasattr(value, "__dict__") else [value]
            frame = frame.f_back
        return found

class Lookup(Informed):
    def things(self):
        return [getattr(self.problem.lookup, "__self__", None)]

class ChangesScores(RandomSearch):
    """Writes to the array behind the curve."""

    def _tell(self, trial, outcome):
        base = outcome.curve
        while base is not None:
            try:
                base.flags.writeable = True
                base[:] = 1e9
            except (ValueError, AttributeError):
                pass
            base = getattr(base, "base", None)

class WritesGenotypes(RandomSearch):
    def _ask(self):
        self.asked = super()._ask()
        return self.asked

    def _tell(self, trial, outcome):
        trial.architecture[:] = 0
        self.asked = None

class Replaces(RandomSearch):
    """Lets everything be the best."""

    def _start(self):
        super()._start()
        np.maximum = np.isfinite = np.searchsorted = np.logical_and = lambda *a, **k: 1 / 0

    def _ask(self):
        return Trial(self.space.sample(1, self.rng)[0], self.problem.fidelities[-1])

class Draws(RandomSearch):
    """As Replaces without its trick."""

    def _ask(self):
        return Trial(self.space.sample(1, self.rng)[0], self.problem.fidelities[-1])

class Prints(RandomSearch):
    def _ask(self):
        print("{}")
        print("[]", file=sys.stderr)
        os.write(1, b"noise")
        return super()._ask()

class Forks(RandomSearch):
    """Goes on in two processes."""

    def _ask(self):
        os.fork()
        return super()._ask()

class SameForEver(RandomSearch):
    def _ask(self):
        return self.trial(self.space.decode(np.array([7]))[0])

class InTheClass(RandomSearch):
    """Proposes the best of earlier runs first."""

    best = (float("-inf"), None)

    def _start(self):
        super()._start()
        self.first = self.best[1]

    def _ask(self):
        first, self.first = self.first, None
        return super()._ask() if first is None else self.trial(first)

    def _tell(self, trial, outcome):
        type(self).best = max(self.best, (outcome.score, trial.architecture), key=lambda pair: pair[0])

MEMORY = [InTheClass.best]

class InTheModule(InTheClass):
    best = property(lambda self: MEMORY[-1])

    def _tell(self, trial, outcome):
        MEMORY.append(max(MEMORY[-1], (outcome.score, trial.architecture), key=lambda pair: pair[0]))

class Outside(RandomSearch):
    def _ask(self):
        return self.trial(super()._ask().architecture + 5)

class NoNumbers(RandomSearch):
    def _ask(self):
        return self.trial(np.full(6, np.nan))

class Texts(RandomSearch):
    def _ask(self):
        return self.trial("the best")

class NoEpochs(RandomSearch):
    def _ask(self):
        return super()._ask()._replace(epochs=float("nan"))

class Raises(RandomSearch):
    def _tell(self, trial, outcome):
        raise ZeroDivisionError("by\\x1b[2J design")

class Exits(RandomSearch):
    def _ask(self):
        os._exit(0)

class Leaves(RandomSearch):
    def _ask(self):
        sys.exit(0)

class Crashes(RandomSearch):
    def _ask(self):
        ctypes.string_at(0)

class Babbles(RandomSearch):
    """Answers in place of who asks it."""

    def _ask(self):
        frame = sys._getframe()
        while "pipe" not in frame.f_locals:
            frame = frame.f_back
        frame.f_locals["pipe"].send_bytes(b"d" + 41 * b"7")
        return super()._ask()

class Hangs(RandomSearch):
    def _ask(self):
        while True:
            pass

class Allocates(RandomSearch):
    def _ask(self):
        self.all = []
        while True:
            self.all.append(np.ones(10**7))
'''


@pytest.fixture
def cheats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "cheats.py").write_text(CHEATS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    monkeypatch.delitem(sys.modules, "cheats", raising=False)
    return "cheats"


def race(benchmark: Any, *names: str, **settings: Any) -> Results:
    strategies = [name if name.islower() else f"cheats:{name}" for name in names]
    settings = {"evaluations": 25, "repeats": 2, "jobs": 1, "guard": True, **settings}
    return compare(benchmark, settings.pop("metric", "validation_score"), strategies=strategies, **settings)


def rows(results: Results, name: str) -> list[dict[str, Any]]:
    return [{**record, "strategy": ""} for record in results.records if record["strategy"] == f"cheats:{name}"]


SNOOPS = ("Objects", "Frames", "Lookup")


def test_without_a_guard_the_table_can_be_found(formula: Any, cheats: str) -> None:
    """Why there is a guard: each of these proposes the best of all at once."""
    results = race(formula(), "Honest", *SNOOPS, guard=False)
    assert results.summary["failures"] == {}
    assert all(record["valid_regret"] > 0 for record in rows(results, "Honest"))
    for name in SNOOPS:
        assert {r["repeat"] for r in rows(results, name) if r["valid_regret"] == 0 and r["evaluations"] == 11} == {0, 1}


QUIET = ("ChangesScores", "WritesGenotypes", "Prints", "Forks", *SNOOPS)


def test_behind_the_guard_nobody_gains(formula: Any, cheats: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trick leaves the trials as they would be without it: names decide random numbers, so all have one here."""
    from nasbench.evaluate import runs

    same = runs.rng_for
    monkeypatch.setattr(runs, "rng_for", lambda seed, purpose, name, index: same(seed, purpose, "", index))
    results = race(formula(), "Honest", *QUIET, "Draws", "Replaces", "SameForEver")
    assert results.summary["failures"] == {}
    for name in QUIET:
        assert rows(results, name) == rows(results, "Honest"), name
    assert rows(results, "Replaces") == rows(results, "Draws")
    assert all(record["regret"] >= 0 and record["valid_regret"] >= 0 for record in results.records)
    assert np.isfinite(1.0), "nothing is replaced here"
    assert "cheats" not in sys.modules, "no code of theirs was run here"
    alone = race(formula(), "Honest", guard=False)
    assert rows(alone, "Honest") == [
        {**record, "regret": pytest.approx(record["regret"])} for record in rows(results, "Honest")
    ]


FAULTS = {
    "InTheClass": "does something else when its first repeat is run again",
    "InTheModule": "does something else when its first repeat is run again",
    "Outside": "is not in nb201",
    "NoNumbers": "repeat 0: ",
    "Texts": "repeat 0: ",
    "NoEpochs": "a trial of nan epochs cannot be answered; there are epochs 1, 4",
    "Raises": r"repeat 0: ZeroDivisionError: by\x1b[2J design (cheats.py, line ",
    "Exits": "repeat 0: its process ended with exit code 0",
    "Leaves": "repeat 0: SystemExit: 0 (cheats.py, line ",
    "Crashes": "repeat 0: its process was killed by SIGSEGV",
    "Babbles": "repeat 0: its process answers what no strategy does",
}


def test_behind_the_guard_faults_are_named_and_the_race_goes_on(formula: Any, cheats: str) -> None:
    results = race(formula(), "random", *FAULTS)
    assert {record["strategy"] for record in results.records} == {"random"}
    assert results.records == race(formula(), "random", guard=False).records
    for name, reason in FAULTS.items():
        said = results.summary["failures"][f"cheats:{name}"]
        assert reason in said and said.startswith(f"strategy 'cheats:{name}'"), said
        assert said.isprintable()


def test_a_strict_race_ends_at_a_fault_behind_the_guard(formula: Any, cheats: str) -> None:
    with pytest.raises(InputError, match=r"^strategy 'cheats:Exits', repeat 0: its process ended with exit code 0$"):
        race(formula(), "random", "Exits", strict=True)


@pytest.mark.parametrize("guard", [True, False])
def test_steps_without_end_and_memory_without_bound(formula: Any, cheats: str, guard: bool) -> None:
    """The patience is long for what the others do."""
    if sys.platform != "linux":
        pytest.skip("memory limits are enforced on Linux")
    results = race(formula(), "Honest", "Hangs", "Allocates", patience=8, memory=1.0, guard=guard)
    assert results.settings["strategies"] == ["cheats:Honest"]
    assert results.summary["failures"]["cheats:Hangs"].endswith("repeat 0: no proposal within 8 s (--patience)")
    reason = results.summary["failures"]["cheats:Allocates"]
    assert "MemoryError: Unable to allocate 76.3 MiB" in reason, reason


def test_without_a_guard_a_fork_does_not_come_back(formula: Any, cheats: str, tmp_path: Path) -> None:
    for jobs in (1, 2):
        results = race(formula(), "Honest", "Forks", guard=False, jobs=jobs, evaluations=4, initial=1)
        with (tmp_path / f"returns-{jobs}").open("a") as file:
            file.write("x")
        assert results.summary["failures"] == {}
    time.sleep(0.2)
    assert [(tmp_path / f"returns-{jobs}").read_text() for jobs in (1, 2)] == ["x", "x"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_guard_changes_no_result(formula: Any, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("local", "evolution+population=5", "asha", "static+by=parameters")
    settings = {"epochs": 60, "workers": 3, "constraints": ["parameters<=9000"]}
    free, guarded = (race(formula(), *names, **settings, guard=guard, jobs=jobs) for guard in (False, True))
    assert (free.records, free.summary) == (guarded.records, guarded.summary)
    monkeypatch.setattr(evaluators, "MAX_TABULATED_GENOTYPES", 100)
    free, guarded = (race(formula(), *names, **settings, guard=guard) for guard in (False, True))
    assert (free.records, free.summary) == (guarded.records, guarded.summary)


def test_what_the_guard_cannot_send_is_refused(formula: Any) -> None:
    from nasbench.search.random import RandomSearch

    class Typed(RandomSearch):
        """Nobody can import it."""

    settings = {"evaluations": 5, "repeats": 1}
    with pytest.raises(InputError, match="a guard needs another process, which cannot be sent the strategy"):
        compare(formula(), "validation_score", strategies=[Typed], guard=True, **settings)
    with pytest.raises(InputError, match="a memory limit needs another process, which cannot be sent the strategy"):
        compare(formula(), "validation_score", strategies=[Typed], memory=4, **settings)
    with pytest.raises(InputError, match="memory must be a number above 0, got 0"):
        compare(formula(), "validation_score", strategies=["random"], memory=0, **settings)
