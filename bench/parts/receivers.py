"""Many sockets that only listen: raw, counting frames and bytes, looking into one frame in a hundred.

    python -m bench.parts.receivers '{"ports": [8800], "path": "/ws", "bearer": "…", "count": 9, …}'

Prints "ready" once all are open, then after SIGTERM one line of JSON: frames and bytes in all, the least and
most frames on one socket, its own CPU, and (key, seconds since the epoch) of each frame looked into.
"""

import base64
import json
import os
import re
import resource
import selectors
import signal
import socket
import struct
import sys
import time
from typing import Any

LOOK_INTO = 100


class Receiver:
    """One socket and how much of its current frame has come."""

    __slots__ = ("frames", "pending", "socket")

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.pending = b""
        self.frames = 0


def open_socket(port: int, path: str, bearer: str | None) -> socket.socket:
    """A WebSocket by hand; raises ConnectionError when it is refused."""
    opened = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    credential = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    opened.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{credential}\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        piece = opened.recv(1)
        if not piece:
            raise ConnectionError(head.decode(errors="replace"))
        head += piece
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.decode(errors="replace"))
    opened.setblocking(False)
    return opened


def frames_in(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """(opcode, start, end) of each whole frame's payload, and where the rest begins."""
    found, at, size = [], 0, len(data)
    while size - at >= 2:
        length, start = data[at + 1] & 0x7F, at + 2
        if length == 126:
            if size - at < 4:
                break
            length, start = struct.unpack_from("!H", data, at + 2)[0], at + 4
        elif length == 127:
            if size - at < 10:
                break
            length, start = struct.unpack_from("!Q", data, at + 2)[0], at + 10
        if size < start + length:
            break
        found.append((data[at] & 0x0F, start, start + length))
        at = start + length
    return found, at


def main() -> None:
    """Open, listen, report."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    pattern = re.compile(wish["pattern"].encode())
    selector = selectors.EpollSelector()
    receivers = []
    for number in range(wish["count"]):
        port = wish["ports"][number % len(wish["ports"])]
        receiver = Receiver(open_socket(port, wish["path"], wish.get("bearer")))
        receivers.append(receiver)
        selector.register(receiver.socket, selectors.EVENT_READ, receiver)
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    print("ready", flush=True)
    total_bytes = looked = 0
    seen: list[tuple[str, float]] = []
    while not stopping:
        for key, _events in selector.select(0.2):
            receiver = key.data
            data = receiver.socket.recv(262_144)
            now = time.time()
            if not data:
                selector.unregister(receiver.socket)
                continue
            total_bytes += len(data)
            data = receiver.pending + data
            frames, rest = frames_in(data)
            receiver.pending = data[rest:]
            for opcode, start, end in frames:
                if opcode != 1:
                    continue
                hit = pattern.search(data, start, end)
                if hit is None:
                    continue
                receiver.frames += 1
                looked += 1
                if looked % LOOK_INTO == 0:
                    json.loads(data[start:end])
                    seen.append((hit[1].decode(), now))
    used = resource.getrusage(resource.RUSAGE_SELF)
    counts = [receiver.frames for receiver in receivers]
    report = {
        "frames": sum(counts),
        "bytes": total_bytes,
        "least": min(counts, default=0),
        "most": max(counts, default=0),
        "cpu": used.ru_utime + used.ru_stime,
        "seen": seen,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
