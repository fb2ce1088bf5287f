"""Many sockets that ask as fast as they are answered, with as little work of their own as can be.

    python -m bench.parts.steering '{"ports": [8800], "bearers": ["…"], "seconds": 6}'

Prints one line of JSON: how many commands were answered, and its own CPU.
"""

import json
import random
import resource
import selectors
import sys
import time
from typing import Any
from uuid import UUID

from bench.parts.receivers import Receiver, frames_in, open_socket


def masked(text: bytes) -> bytes:
    """A client's text frame (RFC 6455 §5.3); a mask of zeros leaves the bytes as they are."""
    size = len(text)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + text


def command(number: int, thumb: int) -> bytes:
    """A seek that differs from the one before, with an id of its own as pages send it."""
    call = {
        "jsonrpc": "2.0",
        "id": number,
        "method": "player.seek",
        "params": {"positionMs": 1000 + number % 1000, "commandId": str(UUID(int=thumb << 64 | number))},
    }
    return masked(json.dumps(call, separators=(",", ":")).encode())


def main() -> None:
    """Ask, count answers, report."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    selector = selectors.EpollSelector()
    for number, bearer in enumerate(wish["bearers"]):
        opened = open_socket(wish["ports"][number % len(wish["ports"])], "/api/v1/socket", bearer)
        selector.register(opened, selectors.EVENT_READ, Receiver(opened))
    time.sleep(1)
    thumbs = {key.fd: random.getrandbits(62) for key in selector.get_map().values()}
    for key in list(selector.get_map().values()):
        key.data.socket.sendall(command(1, thumbs[key.fd]))
    done = errors = 0
    until = time.monotonic() + wish["seconds"]
    while time.monotonic() < until:
        for key, _events in selector.select(0.2):
            answers, refusals = _answers(key.data)
            errors += refusals
            for _ in range(answers):
                done += 1
                key.data.frames += 1
                key.data.socket.sendall(command(key.data.frames + 1, thumbs[key.fd]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"done": done, "errors": errors, "cpu": used.ru_utime + used.ru_stime}))


def _answers(receiver: Receiver) -> tuple[int, int]:
    """How many answers came, and how many of them were errors; news is passed over."""
    data = receiver.pending + receiver.socket.recv(262_144)
    frames, rest = frames_in(data)
    receiver.pending = data[rest:]
    heads = [data[start : start + 40] for opcode, start, _end in frames if opcode == 1]
    answers = [head for head in heads if b'"id":' in head]
    return len(answers), sum(1 for head in answers if b'"error"' in head)


if __name__ == "__main__":
    main()
