"""Pause on one socket → event on another, through two servers; and durable commands a second at saturation.

Each command has a `commandId` of its own, as pages send it. Pause and play take turns, so that each pause
stops something; at saturation it is seek, which is saved as pause is.

    python -m bench.command [players=200] [seconds=16]

The peer is a bare asyncpg pool that does the same two statements (lock and read the player's row, write it)
in transactions, in the same number of processes; pgbench's figure for them stands beside it. fsync is on.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import fmean
from typing import Any
from uuid import uuid4

import aiohttp

from bench.parts.stage import ROOT, Stage, cpu_seconds, percentile, stage, table
from bench.parts.verdicts import at_least, at_most, exit_code, judged
from bench.peers.bare_pool import pgbench_rate

P50 = at_most("pause → event through two servers, p50", 5, "ms")
P99 = at_most("pause → event through two servers, p99", 25, "ms")
RATIO = at_least("durable commands/s, as a share of the bare pool's", 0.60)
CLIENTS = 32
MEASURED_S = 4
TURNS = 3
"""Ours and the peer take turns: whatever else the machine does meanwhile falls upon both."""


class Line:
    """One socket that asks and listens."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.serial = 0
        self.states: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self.news: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: dict[int, asyncio.Future[Any]] = {}
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.ws:
            now = time.perf_counter()
            message = json.loads(frame.data)
            if message.get("method") == "player.state":
                self.states.put_nowait((now, message["params"]))
            elif "method" in message:
                self.news.put_nowait(message)
            elif "id" in message and (waiting := self.answers.pop(message["id"], None)):
                waiting.set_result(message)

    async def hear(self, method: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next news of this name that fits."""
        while True:
            message = await self.news.get()
            params: dict[str, Any] = message["params"]
            if message["method"] == method and fits(params):
                return params

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Call and wait for the answer; raises RuntimeError when it is an error."""
        self.serial += 1
        waiting = self.answers[self.serial] = asyncio.get_running_loop().create_future()
        await self.ws.send_str(
            json.dumps({"jsonrpc": "2.0", "id": self.serial, "method": method, "params": params})
        )
        message = await waiting
        if "error" in message:
            raise RuntimeError(message["error"])
        result: dict[str, Any] = message["result"]
        return result


async def connect(http: aiohttp.ClientSession, port: int, bearer: str) -> Line:
    """A signed-in socket that has heard its first state."""
    ws = await http.ws_connect(
        f"http://127.0.0.1:{port}/api/v1/socket", headers={"Authorization": f"Bearer {bearer}"}
    )
    line = Line(ws)
    await line.states.get()
    return line


async def steady(ports: list[int], bearers: list[str], seconds: int) -> dict[str, list[float]]:
    """Each player once a second: a command on the first server, its event on the second. Milliseconds.

    By a timetable, as people are: who waited a second after his answer would meet all who were late with him
    again and again, and the crowd would grow with every turn.
    """
    took: dict[str, list[float]] = {"player.play": [], "player.pause": []}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        pairs = [
            (await connect(http, ports[0], each), await connect(http, ports[1], each)) for each in bearers
        ]

        async def one(number: int, phone: Line, browser: Line) -> None:
            for turn in range(seconds):
                await asyncio.sleep(start + turn + number / len(pairs) - time.perf_counter())
                method = list(took)[turn % 2]
                begin = time.perf_counter()
                answer = await phone.ask(method, commandId=str(uuid4()))
                while True:
                    at, state = await browser.states.get()
                    if state["version"] >= answer["version"]:
                        break
                took[method].append((at - begin) * 1000)

        start = time.perf_counter()
        await asyncio.gather(*(one(n, *pair) for n, pair in enumerate(pairs)))
        return took


def saturate(ports: list[int], bearers: list[str]) -> float:
    """Answered commands a second with all clients asking as fast as they are answered."""
    wish = json.dumps({"ports": ports, "bearers": bearers, "seconds": MEASURED_S})
    words = [sys.executable, "-m", "bench.parts.steering", wish]
    report = json.loads(subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    if report["errors"]:
        raise RuntimeError(f"{report['errors']} commands were refused")
    return float(report["done"]) / MEASURED_S


def main() -> int:
    """Measure, print, judge."""
    players = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    seconds -= seconds % 2  # the last wish is a pause: music that waits for a device is another matter
    with stage() as on:
        servers = [on.server() for _ in range(2)]
        ports = [port for _process, port in servers]
        processes = [process for process, _port in servers]
        bearers = on.bearers(players, with_music=True)
        before = cpu_seconds(*processes)
        took = asyncio.run(steady(ports, bearers, seconds))
        used = cpu_seconds(*processes) - before
        turns = [(saturate(ports, bearers[:CLIENTS]), _bare(on, 2)) for _ in range(TURNS)]
        rate, bare = (fmean(each) for each in zip(*turns, strict=True))
        lone = pgbench_rate(on, CLIENTS, MEASURED_S)
    table(
        f"command: {players} players, one command a second each, through two servers, {seconds} s",
        [
            ("", "commands", "p50 ms", "p99 ms", "worst ms"),
            *(
                (name, len(each), percentile(each, 0.5), percentile(each, 0.99), max(each))
                for name, each in took.items()
            ),
        ],
    )
    print(f"servers' CPU: {used / sum(map(len, took.values())) * 1000:.2f} ms a command")
    pauses = took["player.pause"]
    steadily = judged((P50, percentile(pauses, 0.5)), (P99, percentile(pauses, 0.99)))
    table(
        f"saturation: {CLIENTS} clients on two servers, fsync on",
        [
            ("", "durable commands/s", "ratio to the bare pool"),
            ("Tutti", rate, rate / bare),
            ("bare asyncpg pool, 2 processes", bare, 1.0),
            ("pgbench", lone, lone / bare),
        ],
    )
    return exit_code(steadily, judged((RATIO, rate / bare)))


def _bare(on: Stage, processes: int) -> float:
    """The peer: so many processes, each a pool of 10 and half of the clients."""
    started = [
        on.process(
            "-m",
            "bench.peers.bare_pool",
            str(CLIENTS // processes),
            str(MEASURED_S),
            str(on.folder / f"bare{n}"),
        )
        for n in range(processes)
    ]
    for process in started:
        process.wait(60)
    return sum(float((on.folder / f"bare{n}").read_text()) for n in range(processes))


if __name__ == "__main__":
    sys.exit(main())
