"""What a client asked for, as long as no answer has come."""

import asyncio
from typing import Any

import msgspec


class NotAnswered(Exception):
    """No answer came in time."""


class Waiting:
    """A call without an answer yet, and how often it was sent."""

    def __init__(self, serial: int, method: str, params: dict[str, Any]) -> None:
        self.serial = serial
        wish = {"jsonrpc": "2.0", "id": serial, "method": method, "params": params}
        self.frame = msgspec.json.encode(wish)
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent = 0
