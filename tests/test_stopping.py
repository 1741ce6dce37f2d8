"""A process stops when it is told to, whatever it inherited from the one that started it."""

import signal
from collections.abc import Iterator
from threading import Thread

import pytest
import typer

from nasbench.cli.console import interruptible
from nasbench.stopping import SIGNALS, Stopped, stoppable


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
