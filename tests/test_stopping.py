"""A process stops when it is told to, whatever it inherited from the one that started it."""

import importlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import typer

from nasbench.cli.console import interruptible
from nasbench.stopping import SECONDS_UNTIL_REPEATED, SIGNALS, Stopped, stoppable


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("inherited", [signal.SIG_DFL, signal.SIG_IGN], ids=["default", "ignored"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_stop_is_heard_although_it_was_ignored(number: int, inherited: signal.Handlers) -> None:
    signal.signal(number, inherited)
    with pytest.raises(Stopped) as told, stoppable():
        signal.raise_signal(number)
    assert told.value.number == number
    assert signal.getsignal(number) is inherited


def test_the_end_of_a_terminal_is_ignored_where_nohup_wants_it() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.raises(Stopped), stoppable():
        signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable():
        signal.raise_signal(signal.SIGHUP)


def test_a_handler_that_somebody_set_stays() -> None:
    heard = []
    for number in SIGNALS:
        signal.signal(number, lambda told, frame: heard.append(told))
    with stoppable():
        for number in SIGNALS:
            signal.raise_signal(number)
    assert heard == SIGNALS


def test_a_signal_during_an_import_is_heard_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where all of it is part of another import, as in a script that somebody imports."""
    (tmp_path / "stopped_within.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGTERM)\nimport nasbench\nimported = True\n"
    )
    (tmp_path / "all_of_it.py").write_text(
        "import time\nfrom nasbench.stopping import stoppable\nwith stoppable():\n"
        "    import stopped_within\n    assert stopped_within.imported\n    time.sleep(60)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with pytest.raises(Stopped):
        importlib.import_module("all_of_it")
    assert sys.modules.pop("stopped_within").imported


def test_a_signal_that_somebody_swallows_is_repeated() -> None:
    """An exception in the callback of a weak reference is ignored by Python, and one in a bare `except` is caught."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    swallowed = []
    with pytest.raises(Stopped), stoppable():
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException as error:
            swallowed.append(error)
        time.sleep(60)
    assert len(swallowed) == 1


def test_a_signal_that_python_ignores_is_repeated_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    before = sys.unraisablehook
    with pytest.raises(Stopped), stoppable():
        Finalised()
        time.sleep(60)
    assert capsys.readouterr().err == "" and sys.unraisablehook is before


def test_the_way_out_is_not_interrupted() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cleaned = []
    with pytest.raises(Stopped) as told, stoppable():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            time.sleep(5 * SECONDS_UNTIL_REPEATED)
            cleaned.append(True)
    assert cleaned and told.value.__context__ is None
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    time.sleep(2 * SECONDS_UNTIL_REPEATED)  # a repetition would end this process


def test_in_another_thread_nothing_changes() -> None:
    found = []

    def work() -> None:
        with stoppable():
            found.extend(signal.getsignal(number) for number in SIGNALS)

    expected = [signal.getsignal(number) for number in SIGNALS]
    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert found == expected


@pytest.mark.parametrize(
    ("interrupt", "status"), [(KeyboardInterrupt(), 130), (Stopped(signal.SIGINT), 130), (Stopped(signal.SIGTERM), 143)]
)
def test_the_exit_status_names_the_signal(
    interrupt: KeyboardInterrupt, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, interruptible("call again"):
        raise interrupt
    assert ended.value.exit_code == status
    assert capsys.readouterr().err == "nasbench: stopped; call again\n"
