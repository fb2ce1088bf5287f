"""A client's frames must be masked (RFC 6455 §5.1); aiohttp takes them either way, so this looks first."""

from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web

HEAD = 2
MASK = 4


class Parser(Protocol):
    """What aiohttp feeds with the bytes of an upgraded connection."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...
    def feed_eof(self) -> None: ...


class MaskedOnly:
    """Follows the frames' boundaries in front of aiohttp's parser and tells of the first bare one.

    Nearly every chunk is exactly one small frame, so the usual cost is one comparison.
    """

    __slots__ = ("_head", "_inner", "_left", "_on_bare")

    def __init__(self, inner: Parser, on_bare: Callable[[], None]) -> None:
        self._inner = inner
        self._on_bare = on_bare
        self._head = b""
        self._left = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass the bytes on; after a bare frame nothing is passed on any more."""
        is_one_frame = len(data) > 1 and not self._left and not self._head and self._is_whole(data)
        if not is_one_frame and not self._follow(bytes(data)):
            self._on_bare()
            return False, b""
        return self._inner.feed_data(data)

    def feed_eof(self) -> None:
        self._inner.feed_eof()

    @staticmethod
    def _is_whole(data: bytes) -> bool:
        return data[1] >= 0x80 and data[1] & 0x7F < 126 and len(data) == HEAD + MASK + (data[1] & 0x7F)

    def _follow(self, data: bytes) -> bool:
        """Walk over the frames in these bytes; False at a frame without a mask."""
        while data:
            if self._left:
                taken = min(self._left, len(data))
                self._left -= taken
                data = data[taken:]
                continue
            self._head += data[:1]
            data = data[1:]
            if len(self._head) < HEAD:
                continue
            if self._head[1] < 0x80:
                return False
            self._begin_payload()
        return True

    def _begin_payload(self) -> None:
        """With the whole header read, the rest of the frame is only counted."""
        length = self._head[1] & 0x7F
        extended = {126: 2, 127: 8}.get(length, 0)
        if len(self._head) < HEAD + extended:
            return
        if extended:
            length = int.from_bytes(self._head[HEAD:], "big")
        self._left, self._head = MASK + length, b""


def refuse_bare_frames(request: web.Request, on_bare: Callable[[], None]) -> None:
    """Put the check in front of the parser of a connection that has just been upgraded."""
    protocol: Any = request.protocol
    # aiohttp has no public way to see raw frames; tests/server/test_masked.py fails when this stops working.
    protocol._payload_parser = MaskedOnly(protocol._payload_parser, on_bare)  # noqa: SLF001
