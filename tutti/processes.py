"""The processes of the Procfile: started, watched, restarted with back-off, stopped."""

import logging
import os
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from tutti.system import die_with_parent

STOP_S = 30.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
SOUND_AFTER_S = 30.0
"""A process that lived this long was well; its next restart comes at once."""
LOG_BYTES = 5 * 1024 * 1024

Say = Callable[[str], None]


class Process:
    """One line of the Procfile, kept running from `start` to `stop`. For the main thread."""

    def __init__(self, name: str, words: Sequence[str], log: Path, say: Say, echo: bool = False) -> None:
        self.name = name
        self.words = words
        self._say = say
        self._echo = echo
        self._log = _log_file(log)
        self._last: deque[str] = deque(maxlen=8)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._environment: Mapping[str, str] = {}
        self._folder = Path()
        self._began = 0.0
        self._pause = FIRST_PAUSE_S
        self._again_at: float | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, environment: Mapping[str, str], folder: Path) -> None:
        """Start it in `folder`, in a process group of its own: Ctrl-C in the terminal is ours to pass on."""
        self._environment, self._folder = environment, folder
        self._again_at = None
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            self.words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            process_group=0,
            umask=0o077,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509  only from the main thread, see there
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def look_after(self) -> None:
        """Start it again if it ended; each time in quick succession after a longer pause."""
        if self.running or self._process is None:
            return
        now = time.monotonic()
        if self._again_at is None:
            if self._reader is not None:
                self._reader.join(0.5)  # so that its last words are in
            if now - self._began > SOUND_AFTER_S:
                self._pause = FIRST_PAUSE_S
            self._again_at = now + self._pause
            again = f"it starts again in {self._pause:g} s."
            self._say(f"{self.name} ended ({self._how_it_ended()}); {again}{self._said()}")
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        elif now >= self._again_at:
            self.kill()
            self.start(self._environment, self._folder)

    def ask_to_stop(self) -> None:
        """SIGTERM; returns at once."""
        if self.running and self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End it at once, with whatever it started."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def stop(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic), then kill it and whatever it left behind."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._say(f"{self.name} did not stop in time and is killed.")
        self.kill()
        self._process.wait()
        if self._reader is not None:
            self._reader.join(2)
        self._log.close()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                text = line.rstrip("\n")
                self._last.append(text)
                self._log.handle(logging.LogRecord(self.name, logging.INFO, "", 0, text, None, None))
                if self._echo:
                    self._say(f"{self.name:<7}{text}")

    def _how_it_ended(self) -> str:
        code = self._process.returncode if self._process is not None else 0
        return f"by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def _said(self) -> str:
        lines = [line for line in self._last if line.strip()]
        return "" if not lines or self._echo else f" Its last words: {lines[-1][:300]}"


def procfile(path: Path) -> dict[str, list[str]]:
    """Name → words of every line "name: words"; ValueError names a line that is none."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, words = line.partition(":")
        if not colon or not words.strip():
            raise ValueError(f"{path.name}: {line!r} is no process")
        found[name.strip()] = shlex.split(words)
    return found


def _log_file(path: Path) -> RotatingFileHandler:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
