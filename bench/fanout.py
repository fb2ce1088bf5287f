"""One topic, many sockets: CPU per delivery and latency, beside a plain aiohttp server in the same run.

python -m bench.fanout [sockets=1000] [messages a second=20] [seconds=15]
"""

import json
import subprocess
import sys
import time
from typing import Any, NamedTuple
from urllib.request import Request, urlopen
from uuid import UUID

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

WARM_UP_S = 2


class Figures(NamedTuple):
    """What one server did."""

    deliveries: int
    lost: int
    cpu_per_100k: float
    in_kernel: float
    """Share of that CPU spent inside the kernel, which is the price of the writes themselves."""
    p50_ms: float
    p99_ms: float
    receivers_cpu: float
    kilobytes_per_idle_socket: float

    @property
    def outside_kernel(self) -> float:
        """CPU seconds per 100,000 deliveries that are ours to spend or save."""
        return self.cpu_per_100k * (1 - self.in_kernel)


def main() -> None:
    """Measure both, print the table."""
    sockets, rate, seconds = (
        int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((1, 1000), (2, 20), (3, 15))
    )
    with stage() as on:
        limit = _peer(on, "bare_send", sockets, rate, seconds)
        plain = _peer(on, "plain_fanout", sockets, rate, seconds)
        faster = _peer(on, "plain_fanout", sockets, rate, seconds, loop="uvloop")
        ours = _ours(on, sockets, rate, seconds)
    table(
        f"fan-out: {sockets} sockets, {rate} messages/s for {seconds} s; peer: {(peer or '').split(': ')[1]}",
        [
            (
                "",
                "deliveries",
                "lost",
                "CPU s per 100,000",
                "in the kernel",
                "p50 ms",
                "p99 ms",
                "kB per idle socket",
                "receivers' CPU s",
            ),
            ("Tutti", ours.deliveries, ours.lost, *_cells(ours)),
            ("limit: send() alone", limit.deliveries, limit.lost, *_cells(limit)),
            ("plain aiohttp", plain.deliveries, plain.lost, *_cells(plain)),
            ("plain aiohttp on uvloop", faster.deliveries, faster.lost, *_cells(faster)),
        ],
    )
    peers = (("plain aiohttp", plain), ("plain aiohttp on uvloop", faster), ("send() alone", limit))
    for name, other in peers:
        whole, outside = other.cpu_per_100k / ours.cpu_per_100k, other.outside_kernel / ours.outside_kernel
        print(f"ratio of CPU per delivery, {name} to Tutti: {whole:.2f}; outside the kernel: {outside:.2f}")
    print(f"saturation of one process, from its CPU: {100_000 / ours.cpu_per_100k:,.0f} deliveries/s")


def _cells(figures: Figures) -> tuple[Any, ...]:
    return (
        figures.cpu_per_100k,
        f"{figures.in_kernel:.0%}",
        figures.p50_ms,
        figures.p99_ms,
        figures.kilobytes_per_idle_socket,
        figures.receivers_cpu,
    )


def _peer(on: Stage, name: str, sockets: int, rate: int, seconds: int, *, loop: str = "") -> Figures:
    port = free_port()
    process = on.process("-m", f"bench.peers.{name}", PORT=str(port), EVENT_LOOP=loop)
    wait_for_answer(f"http://127.0.0.1:{port}/healthz")
    client = redis.Redis.from_url(on.redis.url)
    body = {"jsonrpc": "2.0", "method": "player.state", "params": {"padding": "x" * 640, "volume": 0.0}}

    def send(number: int) -> None:
        body["params"]["volume"] = number / 1_000_000  # type: ignore[index]  # a dict, made above
        client.publish("plain", json.dumps(body, separators=(",", ":")))

    wish = {"ports": [port], "path": "/ws", "count": sockets}
    return _measured([process], wish, send, rate, seconds)


def _ours(on: Stage, sockets: int, rate: int, seconds: int) -> Figures:
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
    return _measured([process], wish, send, rate, seconds)


def _own_state(port: int, bearer: str) -> dict[str, Any]:
    """The member's player as GET /player tells it."""
    address = f"http://127.0.0.1:{port}/api/v1/player"
    with urlopen(Request(address, headers={"Authorization": f"Bearer {bearer}"})) as response:
        state: dict[str, Any] = json.load(response)
    return state


def _measured(processes: list[Any], wish: dict[str, Any], send: Any, rate: int, seconds: int) -> Figures:
    wish = {"pattern": r'"method":"player\.state".*"volume":(0\.[0-9]+|[0-9.]+e-[0-9]+)', **wish}
    empty = sum(process.memory_info().rss for process in processes)
    words = [sys.executable, "-m", "bench.parts.receivers", json.dumps(wish)]
    listening = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert listening.stdout is not None
    assert listening.stdout.readline().strip() == "ready"
    time.sleep(1)
    idle = (sum(process.memory_info().rss for process in processes) - empty) / wish["count"] / 1024
    _send_steadily(send, 100_000, rate, WARM_UP_S)
    time.sleep(0.5)
    before, before_in_kernel = cpu_seconds(*processes), kernel_seconds(*processes)
    sent = _send_steadily(send, 200_000, rate, seconds)
    time.sleep(1)
    used = cpu_seconds(*processes) - before
    in_kernel = (kernel_seconds(*processes) - before_in_kernel) / used
    listening.terminate()
    report = json.loads(listening.stdout.readline())
    listening.wait(10)
    latencies = [
        (at - sent[key]) * 1000
        for key, at in ((round(float(k) * 1e6), t) for k, t in report["seen"])
        if key in sent
    ]
    expected = (len(sent) + WARM_UP_S * rate) * wish["count"]
    deliveries = len(sent) * wish["count"]
    return Figures(
        deliveries,
        expected - report["frames"],
        used / deliveries * 100_000,
        in_kernel,
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
        report["cpu"],
        idle,
    )


def _send_steadily(send: Any, first: int, rate: int, seconds: int) -> dict[int, float]:
    """Send `rate` a second; answers when each number was sent."""
    sent: dict[int, float] = {}
    begin = time.monotonic()
    for number in range(rate * seconds):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        sent[first + number] = time.time()
        send(first + number)
    return sent


if __name__ == "__main__":
    main()
