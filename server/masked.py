"""What aiohttp's parser takes from anybody is looked at first: bare frames, and more frames than may come.

A client's frames must be masked (RFC 6455 §5.1). They are counted here and not when they are answered:
control frames, pieces of a message and nonsense make work for the parser already, and a quarter of a
megabyte, which is one reading, holds forty thousand of them.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import web

from server.socket import NOT_MASKED, TOO_FAST
from tutti.errors import Invalid

HEAD = 2
MASK = 4
WELL: Final = 0


class Parser(Protocol):
    """What aiohttp feeds with the bytes of an upgraded connection."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...
    def feed_eof(self) -> None: ...


class FrameGate:
    """Follows the frames' boundaries in front of aiohttp's parser, up to the first that is refused.

    Nearly every chunk is exactly one small frame, so the usual cost is one comparison and one count.
    """

    __slots__ = ("_head", "_inner", "_left", "_may_come", "_refusal", "_refuse")

    def __init__(self, inner: Parser, may_come: Callable[[], bool], refuse: Callable[[int], None]) -> None:
        self._inner = inner
        self._may_come = may_come
        """Asked once for each frame."""
        self._refuse = refuse
        """Told the close code, again with each chunk that comes nevertheless."""
        self._refusal = WELL
        self._head = b""
        self._left = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass the bytes on; once a frame was refused nothing is looked at or passed on any more."""
        if self._refusal == WELL:
            self._refusal = self._look(data)
        if self._refusal != WELL:
            self._refuse(self._refusal)
            return False, b""
        return self._inner.feed_data(data)

    def feed_eof(self) -> None:
        self._inner.feed_eof()

    def _look(self, data: bytes) -> int:
        """The close code for the first frame in these bytes that is refused, WELL when none is."""
        if self._left or self._head or not self._is_whole(data):
            return self._follow(bytes(data))
        return WELL if self._may_come() else TOO_FAST

    @staticmethod
    def _is_whole(data: bytes) -> bool:
        """Exactly one small masked frame."""
        size = len(data) - HEAD - MASK
        return 0 <= size < 126 and data[1] == 0x80 | size

    def _follow(self, data: bytes) -> int:
        """Walk over the frames by index: what is left must not be copied at each step."""
        at, end = 0, len(data)
        while at < end:
            if self._left:
                taken = min(self._left, end - at)
                self._left -= taken
                at += taken
                continue
            self._head += data[at : at + 1]
            at += 1
            if len(self._head) == HEAD and (refusal := self._refusal_of_frame()) != WELL:
                return refusal
            if len(self._head) >= HEAD:
                self._begin_payload()
        return WELL

    def _refusal_of_frame(self) -> int:
        if self._head[1] < 0x80:
            return NOT_MASKED
        return WELL if self._may_come() else TOO_FAST

    def _begin_payload(self) -> None:
        """With the whole header read, the rest of the frame is only counted."""
        length = self._head[1] & 0x7F
        extended = {126: 2, 127: 8}.get(length, 0)
        if len(self._head) < HEAD + extended:
            return
        if extended:
            length = int.from_bytes(self._head[HEAD:], "big")
        self._left, self._head = MASK + length, b""


def check_nothing_sent(request: web.Request) -> None:
    """A client waits for our answer to the opening (RFC 6455 §4.1); what came before would pass unseen.

    aiohttp gives it to its parser while it answers, when nobody can stand in front of that yet.
    """
    protocol: Any = request.protocol
    # aiohttp has no public way to see this; tests/server/test_control_frames.py fails when it stops working.
    if protocol._message_tail:  # noqa: SLF001
        raise Invalid.because("A client sends its first frame after the answer to its opening, not before.")


def look_at_frames(request: web.Request, may_come: Callable[[], bool], refuse: Callable[[int], None]) -> None:
    """Put the gate in front of the parser of a connection that has just been upgraded."""
    protocol: Any = request.protocol
    # Nor is there one to see raw frames; the same tests fail when this stops working.
    protocol._payload_parser = FrameGate(protocol._payload_parser, may_come, refuse)  # noqa: SLF001
