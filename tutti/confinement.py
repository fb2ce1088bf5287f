"""Start a reader of strangers' files in its confinement (tutti/confined.py) and take what it says."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from tutti import confined
from tutti.errors import Unavailable
from tutti.settings import Settings
from tutti.storage import in_thread
from tutti.text import _

WALL_TIME_S: Final = 600
LONGEST_LINE: Final = 2 * confined.MOST_TEXT * 6
"""All tags stand on one line, and JSON may need six characters for one."""
MOST_KEPT: Final = LONGEST_LINE + 64 * 1024
log = structlog.get_logger()


class NoSandbox(Unavailable):
    """INGEST_ISOLATION=require, and this system cannot shut the reader in (R33)."""

    sentence = _(
        "This server may not read new files, because it cannot do so safely; its administrator can help."
    )


async def lines_from(
    path: Path,
    settings: Settings,
    *words: str,
    wanted: Callable[[str], Any],
    wall_time_s: float = WALL_TIME_S,
) -> list[str]:
    """Let a confined child read the file on its standard input; the wanted lines of what it prints.

    A child that runs into a limit is killed with all it started, and what it said so far is the answer.
    Raises NoSandbox.
    """
    child = await _start(path, settings, words)
    kept: list[str] = []
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(wall_time_s):
                await _keep(kept, child, wanted)
                await child.wait()
    finally:
        await _end(child)
    if child.returncode == confined.REFUSED:
        raise NoSandbox(retry_after=3600)
    return kept


async def walls(settings: Settings) -> dict[str, bool]:
    """Which walls this system gives to readers: network, user, files. For the log and the administrator."""
    lines = await lines_from(Path(os.devnull), settings, "check", wanted=lambda line: line.startswith("{"))
    found: dict[str, bool] = json.loads(lines[0]) if lines else {}
    missing = [name for name in ("network", "user", "files") if not found.get(name)]
    if missing:
        log.warning("readers of uploaded files lack walls", missing=missing, is_shut=confined.is_shut(found))
    return found


async def _start(path: Path, settings: Settings, words: tuple[str, ...]) -> Process:
    strict = ("--strict",) if settings.ingest_isolation == "require" and words[0] != "check" else ()
    site = () if words[0] == "tags" else ("-S",)  # only tags need an installed package
    file = await in_thread(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            *site,
            confined.__file__,
            *strict,
            *words,
            stdin=file,
            stdout=PIPE,
            stderr=DEVNULL if words[0] == "tags" else STDOUT,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"},
            cwd="/",
        )
    finally:
        os.close(file)


async def _keep(kept: list[str], child: Process, wanted: Callable[[str], Any]) -> None:
    room = MOST_KEPT
    async for line in _lines(child):
        if wanted(line) and room > len(line):
            kept.append(line)
            room -= len(line)


async def _lines(child: Process) -> AsyncIterator[str]:
    """What the child prints, line by line; of a line that is too long only its beginning."""
    assert child.stdout is not None  # noqa: S101  # it was asked for
    line = b""
    while block := await child.stdout.read(64 * 1024):
        *complete, rest = (line + block).split(b"\n")
        for each in complete:
            yield each.decode(errors="replace")
        line = rest[:LONGEST_LINE]
    if line:
        yield line.decode(errors="replace")


async def _end(child: Process) -> None:
    """Kill the child's whole group if it still runs, and wait for it."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
