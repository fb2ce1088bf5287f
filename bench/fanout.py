"""One topic, many sockets: CPU per delivery and latency, beside a plain aiohttp server in the same run.

python -m bench.fanout                                          three scenes, each with its limits
python -m bench.fanout SOCKETS [MESSAGES A SECOND] [SECONDS]    one scene of that size

The servers of a scene are up at once and take turns of a few seconds, so that whatever else the machine does
meanwhile falls upon all of them alike. Each shares one core with its receivers.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple
from urllib.request import Request, urlopen
from uuid import UUID

import psutil
import redis

from bench.parts.stage import (
    ROOT,
    Stage,
    cpu_seconds,
    kernel_seconds,
    percentile,
    stage,
    table,
    wait_for_answer,
)
from bench.parts.verdicts import at_least, at_most, exit_code, judged
from bench.peers.plain_fanout import __doc__ as peer
from tutti import event
from tutti.up import free_port

CORE = {max(os.sched_getaffinity(0))}
"""Where each server and its receivers run. What is written on one core and read on another moves between
their caches at the writer's cost, which no server has from clients on other machines."""
TURN_S = 3
WARM_UP_S = 1
QUIET_S = 0.5
PEERS = {
    "plain aiohttp": ("plain_fanout", ""),
    "plain aiohttp on uvloop": ("plain_fanout", "uvloop"),
    "send() alone": ("bare_send", ""),
}
"""Their names in the table, and which program of bench/peers each is, on which event loop."""


class Figures(NamedTuple):
    """What one server did in all its turns."""

    deliveries: int
    lost: int
    cpu_per_100k: float
    in_kernel: float
    """Share of that CPU spent inside the kernel, as its ticks saw it."""
    p50_ms: float
    p99_ms: float
    receivers_cpu: float
    kilobytes_per_idle_socket: float


class Contestant:
    """A server with all its receivers connected; each turn adds to what it has done."""

    def __init__(self, process: psutil.Process, wish: dict[str, Any], send: Callable[[int], None]) -> None:
        self._process, self._send, self._count = process, send, wish["count"]
        wish = {"pattern": r'"volume":(0\.[0-9]+|[0-9.]+e-[0-9]+)', **wish}
        empty = process.memory_info().rss
        words = [sys.executable, "-m", "bench.parts.receivers", json.dumps(wish)]
        self._receivers = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._read_line()
        for each in (process.pid, self._receivers.pid):
            os.sched_setaffinity(each, CORE)
        time.sleep(1)
        self._idle = (process.memory_info().rss - empty) / self._count / 1024
        self._receivers.send_signal(signal.SIGUSR1)
        self._receivers.send_signal(signal.SIGSTOP)
        self._sent: dict[int, float] = {}
        self._used = self._in_kernel = 0.0
        self._warm_ups = self._last = 0

    def take_turn(self, rate: int) -> None:
        """A little unmeasured, then TURN_S seconds measured.

        Out of turn its receivers stand still: they look so often that all the others would feel it.
        """
        self._receivers.send_signal(signal.SIGCONT)
        self._warm_ups += len(self._steadily(rate, WARM_UP_S))
        time.sleep(QUIET_S)
        before, in_kernel = cpu_seconds(self._process), kernel_seconds(self._process)
        self._sent |= self._steadily(rate, TURN_S)
        time.sleep(QUIET_S)
        self._used += cpu_seconds(self._process) - before
        self._in_kernel += kernel_seconds(self._process) - in_kernel
        self._receivers.send_signal(signal.SIGSTOP)

    def figures(self) -> Figures:
        """End the receivers and sum up."""
        self._receivers.send_signal(signal.SIGCONT)
        self._receivers.terminate()
        report = json.loads(self._read_line())
        self._receivers.wait(10)
        self._process.terminate()
        arrived = [(round(float(key) * 1e6), at) for key, at in report["seen"]]
        latencies = [(at - self._sent[key]) * 1000 for key, at in arrived if key in self._sent]
        deliveries = len(self._sent) * self._count
        return Figures(
            deliveries,
            deliveries + self._warm_ups * self._count - report["frames"],
            self._used / deliveries * 100_000,
            self._in_kernel / self._used,
            percentile(latencies, 0.5),
            percentile(latencies, 0.99),
            report["cpu"],
            self._idle,
        )

    def _read_line(self) -> str:
        assert self._receivers.stdout is not None
        return self._receivers.stdout.readline()

    def _steadily(self, rate: int, seconds: int) -> dict[int, float]:
        """Send `rate` a second; answers when each number was sent."""
        sent: dict[int, float] = {}
        begin = time.monotonic()
        for number in range(rate * seconds):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            self._last += 1
            sent[self._last] = time.time()
            self._send(self._last)
        return sent


FRUGAL = at_least("CPU per delivery, plain aiohttp to Tutti", 1.7)
SWIFT = at_most("40,000 deliveries/s, p99", 50, "ms")
SMALL = at_most("memory per idle socket of 10,000", 32, "kB")
LOST = at_most("lost", 0)


def main() -> int:
    """Print a table per scene."""
    with stage() as on:
        if len(sys.argv) > 1:
            sockets, rate, seconds = (*map(int, sys.argv[1:]), 20, 15)[:3]
            _scene(on, sockets, rate, seconds, PEERS)
            return 0
        frugal = _scene(on, 1000, 20, 15, PEERS)
        ours, plain = frugal["Tutti"], frugal["plain aiohttp"]
        verdicts = judged((FRUGAL, plain.cpu_per_100k / ours.cpu_per_100k), (LOST, ours.lost))
        ours = _scene(on, 2000, 20, 15, PEERS)["Tutti"]
        verdicts += judged((SWIFT, ours.p99_ms), (LOST, ours.lost))
        ours = _scene(on, 10_000, 1, 6, ())["Tutti"]
        verdicts += judged((SMALL, ours.kilobytes_per_idle_socket), (LOST, ours.lost))
        return exit_code(verdicts)


def _scene(on: Stage, sockets: int, rate: int, seconds: int, peers: Collection[str]) -> dict[str, Figures]:
    """Let ours and its peers take turns; print what each did, and how often ours could have done it."""
    contestants = {"Tutti": _ours(on, sockets)} | {name: _peer(on, name, sockets) for name in peers}
    for _ in range(max(1, seconds // TURN_S)):
        for contestant in contestants.values():
            contestant.take_turn(rate)
    figures = {name: contestant.figures() for name, contestant in contestants.items()}
    columns = ("deliveries", "lost", "CPU s per 100,000", "in the kernel", "p50 ms", "p99 ms")
    table(
        f"fan-out: {sockets:,} sockets, {rate} messages/s; peer: {(peer or '').split(': ')[1]}",
        [
            ("", *columns, "receivers' CPU s", "kB per idle socket"),
            *((name, *figures[name]) for name in figures),
        ],
    )
    ours = figures["Tutti"]
    for name in peers:
        print(f"CPU per delivery, {name} to Tutti: {figures[name].cpu_per_100k / ours.cpu_per_100k:.2f}")
    print(f"saturation of one process, from its CPU: {100_000 / ours.cpu_per_100k:,.0f} deliveries/s")
    return figures


def _peer(on: Stage, name: str, sockets: int) -> Contestant:
    port = free_port()
    program, loop = PEERS[name]
    process = on.process("-m", f"bench.peers.{program}", PORT=str(port), EVENT_LOOP=loop, CHANNEL=str(port))
    wait_for_answer(f"http://127.0.0.1:{port}/healthz")
    client = redis.Redis.from_url(on.redis.url)
    body = {"jsonrpc": "2.0", "method": "player.state", "params": {"padding": "x" * 640, "volume": 0.0}}

    def send(number: int) -> None:
        body["params"]["volume"] = number / 1_000_000  # type: ignore[index]  # a dict, made above
        client.publish(str(port), json.dumps(body, separators=(",", ":")))

    return Contestant(process, {"ports": [port], "path": "/ws", "count": sockets}, send)


def _ours(on: Stage, sockets: int) -> Contestant:
    """Events of one player as another server of ours would publish them; what a command costs is measured
    by bench/command.py."""
    process, port = on.server()
    (bearer,) = on.bearers(1)
    state = _own_state(port, bearer)
    topic = event.player(UUID(state["playerId"]))
    client = redis.Redis.from_url(on.redis.url)

    def send(number: int) -> None:
        body = {**state, "volume": number / 1_000_000}
        version = state["version"] + number
        message = event.packed(event.News(topic, "player.state", body, version, ""), version)
        client.publish(f"{on.settings.redis_namespace}:{topic}", message)

    wish = {"ports": [port], "path": "/api/v1/socket", "count": sockets, "bearer": bearer}
    return Contestant(process, wish, send)


def _own_state(port: int, bearer: str) -> dict[str, Any]:
    """The member's player as GET /player tells it."""
    address = f"http://127.0.0.1:{port}/api/v1/player"
    with urlopen(Request(address, headers={"Authorization": f"Bearer {bearer}"})) as response:
        state: dict[str, Any] = json.load(response)
    return state


if __name__ == "__main__":
    sys.exit(main())
