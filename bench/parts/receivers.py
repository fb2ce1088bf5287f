"""Many sockets that only listen: raw, counting frames and bytes, looking into one frame in a hundred.

    python -m bench.parts.receivers '{"ports": [8800], "path": "/ws", "bearer": "…", "count": 9, …}'

Prints "ready" once all are open and counts from SIGUSR1 on; after SIGTERM it prints one line of JSON: frames
and bytes in all, its own CPU, and (key, seconds since the epoch) of each frame looked into.

It looks every two milliseconds and never sleeps upon its sockets: else each send would have to wake it, and
the server would pay for that, which it does not for clients on other machines.
"""

import base64
import json
import os
import re
import resource
import select
import signal
import socket
import struct
import sys
import time
from typing import Any

LOOK_INTO = 100
LOOK_EVERY_S = 0.002
COUNTED = b'{"jsonrpc":"2.0","method":"player.state"'
TEXT_OF_16_BITS = b"\x81\x7e"
"""How a frame begins whose length does not fit into seven bits (RFC 6455 §5.2)."""
TEXT, PING = 1, 9
PONG = b"\x8a\x80" + bytes(4)
"""An empty one, masked with zeros."""


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


class Tally:
    """What has come since the last `begin`."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern.encode())
        self.begin()

    def begin(self) -> None:
        """From now on it counts: what the opening of each socket brought does not."""
        self.frames = self.bytes = 0
        self.seen: list[tuple[str, float]] = []

    def take(self, data: bytearray | bytes, start: int, end: int) -> None:
        """One text frame's payload."""
        if data[start : start + len(COUNTED)] != COUNTED:
            return
        self.frames += 1
        if self.frames % LOOK_INTO == 0:
            now = time.time()
            hit = self._pattern.search(data, start, end)
            json.loads(data[start:end])
            if hit is not None:
                self.seen.append((hit[1].decode(), now))


def main() -> None:
    """Open, listen, report."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    tally, receivers = Tally(wish["pattern"]), {}
    poll = select.epoll()
    for number in range(wish["count"]):
        port = wish["ports"][number % len(wish["ports"])]
        receiver = Receiver(open_socket(port, wish["path"], wish.get("bearer")))
        receivers[receiver.socket.fileno()] = receiver
        poll.register(receiver.socket, select.EPOLLIN)
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    signal.signal(signal.SIGUSR1, lambda *_: tally.begin())
    print("ready", flush=True)
    buffer = bytearray(262_144)
    while not stopping:
        time.sleep(LOOK_EVERY_S)
        for descriptor, _events in poll.poll(0):
            if not _read(receivers[descriptor], buffer, tally):
                poll.unregister(descriptor)
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = {
        "frames": tally.frames,
        "bytes": tally.bytes,
        "cpu": used.ru_utime + used.ru_stime,
        "seen": tally.seen,
    }
    print(json.dumps(report), flush=True)


def _read(receiver: Receiver, buffer: bytearray, tally: Tally) -> bool:
    """Take what is there; False when the socket has ended. One whole frame, the usual case, is not copied."""
    size = receiver.socket.recv_into(buffer)
    tally.bytes += size
    if not receiver.pending and buffer[:2] == TEXT_OF_16_BITS and size == 4 + (buffer[2] << 8 | buffer[3]):
        tally.take(buffer, 4, size)
        return True
    data = receiver.pending + buffer[:size]
    frames, rest = frames_in(data)
    receiver.pending = bytes(data[rest:])
    for opcode, start, end in frames:
        if opcode == TEXT:
            tally.take(data, start, end)
        elif opcode == PING:
            receiver.socket.send(PONG)
    return size > 0


if __name__ == "__main__":
    main()
