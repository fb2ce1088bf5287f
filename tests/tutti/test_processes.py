"""Processes of the Procfile: they run, come back when they die, stop when asked, and take theirs along."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tutti import processes
from tutti.processes import Process, procfile
from tutti.system import command_line


class Watched:
    """A process under test, with what it said to the person at the terminal."""

    def __init__(self, folder: Path, program: str, *, echo: bool = False) -> None:
        self.said: list[str] = []
        self.log = folder / "logs" / "part.log"
        self.process = Process("part", [sys.executable, "-c", program], self.log, self.said.append, echo)
        self.process.start(dict(os.environ), folder)

    def look_until(self, condition: Callable[[], bool], within_s: float = 15) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, self.said
            self.process.look_after()
            time.sleep(0.02)

    def logged(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(program: str, **options: bool) -> Watched:
        started.append(Watched(tmp_path, program, **options))
        return started[-1]

    yield start
    for watched in started:
        watched.process.kill()
        watched.process.stop(time.monotonic())


def test_what_a_process_writes_is_in_its_log_and_not_on_the_terminal(watch: Callable[..., Watched]) -> None:
    watched = watch("import time; print('at work'); time.sleep(60)")
    watched.look_until(lambda: watched.logged() == ["at work"])
    assert watched.said == []


def test_with_echo_the_terminal_shows_it_as_well(watch: Callable[..., Watched]) -> None:
    watched = watch("import time; print('at work'); time.sleep(60)", echo=True)
    watched.look_until(lambda: any(line.endswith("at work") for line in watched.said))


def test_a_process_that_dies_comes_back_after_a_longer_pause_each_time(
    watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FIRST_PAUSE_S", 0.05)
    watched = watch("print('no database'); raise SystemExit(3)")
    watched.look_until(lambda: len(watched.said) >= 3)
    assert "exit code 3" in watched.said[0]
    assert "Its last words: no database" in watched.said[0]
    pauses = [float(line.split("again in ")[1].split(" s")[0]) for line in watched.said]
    assert pauses[:3] == [0.05, 0.1, 0.2]
    assert watched.logged().count("no database") >= 3


def test_asked_to_stop_it_finishes_its_work(watch: Callable[..., Watched]) -> None:
    watched = watch(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(0)))\n"
        "print('ready'); time.sleep(60)"
    )
    watched.look_until(lambda: "ready" in watched.logged())
    watched.process.ask_to_stop()
    watched.process.stop(time.monotonic() + 10)
    assert watched.logged()[-1] == "bye"
    assert not watched.process.running


def test_one_that_does_not_stop_in_time_is_killed_with_its_children(watch: Callable[..., Watched]) -> None:
    watched = watch(
        "import signal, subprocess, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)"
    )
    watched.look_until(lambda: bool(watched.logged()))
    child = int(watched.logged()[0])
    assert "sleep" in command_line(child)
    watched.process.ask_to_stop()
    watched.process.stop(time.monotonic() + 0.3)
    assert "killed" in watched.said[-1]
    watched.look_until(lambda: command_line(child) == "", within_s=5)


def test_the_procfile_of_this_repository_names_its_four_processes() -> None:
    assert list(procfile(Path(__file__).parents[2] / "Procfile")) == ["server", "worker", "relay", "clock"]


def test_a_line_that_names_no_process_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# the web\nweb: python -m 'two words'\nbroken\n")
    with pytest.raises(ValueError, match="'broken' is no process"):
        procfile(tmp_path / "Procfile")
