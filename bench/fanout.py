"""One topic, many sockets: CPU per delivery and latency, beside a plain aiohttp server in the same run.

python -m bench.fanout [sockets=1000] [messages a second=20] [seconds=15]

All servers are up at once and take turns of a few seconds, so that whatever else the machine does meanwhile
falls upon all of them alike.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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
from bench.peers.plain_fanout import __doc__ as peer
from tutti import event
from tutti.up import free_port

TURN_S = 3
WARM_UP_S = 1
QUIET_S = 0.5


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
        time.sleep(1)
        self._idle = (process.memory_info().rss - empty) / self._count / 1024
        self._receivers.send_signal(signal.SIGUSR1)
        self._sent: dict[int, float] = {}
        self._used = self._in_kernel = 0.0
        self._warm_ups = self._last = 0

    def take_turn(self, rate: int) -> None:
        """A little unmeasured, then TURN_S seconds measured."""
        self._warm_ups += len(self._steadily(rate, WARM_UP_S))
        time.sleep(QUIET_S)
        before, in_kernel = cpu_seconds(self._process), kernel_seconds(self._process)
        self._sent |= self._steadily(rate, TURN_S)
        time.sleep(QUIET_S)
        self._used += cpu_seconds(self._process) - before
        self._in_kernel += kernel_seconds(self._process) - in_kernel

    def figures(self) -> Figures:
        """End the receivers and sum up."""
        self._receivers.terminate()
        report = json.loads(self._read_line())
        self._receivers.wait(10)
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


def main() -> None:
    """Measure all, print the table."""
    sockets, rate, seconds = (
        int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((1, 1000), (2, 20), (3, 15))
    )
    with stage() as on:
        contestants = {
            "Tutti": _ours(on, sockets),
            "limit: send() alone": _peer(on, "bare_send", sockets),
            "plain aiohttp": _peer(on, "plain_fanout", sockets),
            "plain aiohttp on uvloop": _peer(on, "plain_fanout", sockets, loop="uvloop"),
        }
        for _ in range(max(1, seconds // TURN_S)):
            for contestant in contestants.values():
                contestant.take_turn(rate)
        figures = {name: contestant.figures() for name, contestant in contestants.items()}
    columns = ("deliveries", "lost", "CPU s per 100,000", "in the kernel", "p50 ms", "p99 ms")
    table(
        f"fan-out: {sockets} sockets, {rate} messages/s; peer: {(peer or '').split(': ')[1]}",
        [
            ("", *columns, "receivers' CPU s", "kB per idle socket"),
            *((name, *each._replace(in_kernel=round(each.in_kernel, 2))) for name, each in figures.items()),
        ],
    )
    ours = figures.pop("Tutti")
    for name, other in figures.items():
        print(f"CPU per delivery, {name} to Tutti: {other.cpu_per_100k / ours.cpu_per_100k:.2f}")
    print(f"saturation of one process, from its CPU: {100_000 / ours.cpu_per_100k:,.0f} deliveries/s")


def _peer(on: Stage, name: str, sockets: int, *, loop: str = "") -> Contestant:
    port = free_port()
    process = on.process("-m", f"bench.peers.{name}", PORT=str(port), EVENT_LOOP=loop, CHANNEL=str(port))
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
    main()
