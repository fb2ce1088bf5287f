"""The limit of bench/fanout.py: one send() per socket and message, with nothing around it but Redis."""

import base64
import hashlib
import os
import socket
import threading
from contextlib import suppress

import redis

from server.frames import text_frame

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OPEN: list[socket.socket] = []


def greet(client: socket.socket) -> None:
    """The other half of a WebSocket's handshake (RFC 6455 §4.2.2), or the word that we are up."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    if b"/healthz" in head:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        client.close()
        return
    key = next(
        line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    OPEN.append(client)


def accept_all() -> None:
    """Take whoever comes."""
    with socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=1024) as listening:
        while True:
            greet(listening.accept()[0])


def main() -> None:
    """Redis → every socket."""
    threading.Thread(target=accept_all, daemon=True).start()
    with redis.Redis.from_url(os.environ["REDIS_URL"]).pubsub() as pubsub:  # type: ignore[no-untyped-call]  # redis-py
        pubsub.subscribe(os.environ["CHANNEL"])
        for message in pubsub.listen():
            if message["type"] == "message":
                frame = text_frame(message["data"])
                for client in OPEN:
                    with suppress(OSError):  # the receivers have gone
                        client.send(frame)


if __name__ == "__main__":
    main()
