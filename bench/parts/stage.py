"""The stage every bench stands on: an embedded PostgreSQL with fsync, Redis, and server processes of ours."""

import asyncio
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil

from bench.parts.members import bearers
from tutti.embedded import Postgres, Redis
from tutti.settings import Settings, read_settings
from tutti.up import free_port

ROOT = Path(__file__).parent.parent.parent
RAISED = {
    "RATE_COMMANDS_PER_SECOND": "1000000",
    "RATE_COMMANDS_BURST": "1000000",
    "RATE_SOCKET_OPENS_SESSION": "100000",
    "RATE_SOCKET_OPENS_ADDRESS": "100000",
    "RATE_WRITES_PER_MINUTE": "1000000",
    "RATE_READS_PER_MINUTE": "1000000",
    "SOCKETS_PER_PERSON": "100000",
}
"""Limits a bench raises, by name; each bench prints them."""


class Stage:
    """PostgreSQL and Redis running, the schema in place; `server()` starts one more server process."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder
        self.postgres = stack.enter_context(Postgres(folder / "postgres"))
        self.redis = stack.enter_context(Redis(folder / "redis"))
        self.environment = {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "DATA_DIR": str(folder / "var"),
            "LOG_LEVEL": "error",
            "STORAGE_RESERVE_BYTES": "0",
            **RAISED,
        }
        migrate = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(migrate, cwd=ROOT, env=os.environ | self.environment, check=True)

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    def process(self, *words: str, **environment: str) -> psutil.Process:
        """A Python process that ends with the stage: process("-m", "server")."""
        started = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=os.environ | self.environment | environment
        )
        self._stack.callback(_stop, started)
        return psutil.Process(started.pid)

    def server(self, **environment: str) -> tuple[psutil.Process, int]:
        """One more server of ours and its port."""
        port = free_port()
        process = self.process("-m", "server", PORT=str(port), **environment)
        wait_for_answer(f"http://127.0.0.1:{port}/healthz")
        return process, port

    def bearers(self, count: int, *, with_music: bool = False) -> list[str]:
        """Access tokens of new members, each with a player of his own; with a song in it if wanted."""
        return asyncio.run(bearers(self.settings, count, with_music=with_music))


@contextmanager
def stage() -> Iterator[Stage]:
    """Everything in a temporary folder, gone afterwards."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        Path(folder).chmod(0o711)  # as root its servers run as another account
        yield Stage(stack, Path(folder))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(*processes: psutil.Process) -> float:
    """CPU that these processes have used so far, user and system."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def kernel_seconds(*processes: psutil.Process) -> float:
    """The part of that CPU which the kernel used for them."""
    return float(sum(process.cpu_times()[1] for process in processes))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def machine() -> str:
    """What this was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {platform.system()}"


def table(title: str, rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as a table; the first row names the columns."""
    texts = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    print(f"\n{title}\n{machine()}")
    print(f"limits raised: {', '.join(f'{name}={value}' for name, value in RAISED.items())}")
    for line in aligned(texts):
        print(line)
    sys.stdout.flush()


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row as a line, its cells under those of the others."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def wait_for_answer(url: str, within_s: float = 30) -> None:
    """Until the address answers."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urlopen(url, timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
