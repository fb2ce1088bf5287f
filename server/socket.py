"""One open socket: a bounded queue in front of its transport, so that nobody ever waits for it."""

import asyncio
from collections.abc import Hashable
from time import monotonic
from typing import Final
from uuid import UUID

from server.frames import PING, pong_frame, text_frame

WRITABLE_BELOW: Final = 32_768
"""Bytes the transport may still hold for us to write straight into it. uvloop sends only at the end of its
round, so a healthy socket may hold a few frames."""
PATIENCE_S: Final = 5
"""How long more than the allowed number of messages may wait before the reader counts as too slow."""

TOKEN_EXPIRED, TOO_SLOW, TOO_FAST, SILENT = 4001, 4002, 4003, 4004
SIGNED_OUT, PROTOCOL, NO_SIGN_IN, FORBIDDEN, TOO_MANY_SOCKETS = 4500, 4501, 4502, 4503, 4504
NOT_MASKED, TOO_BIG, RESTARTING = 1002, 1009, 1012


class Socket:
    """Frames go straight to the transport while it keeps up; else they wait here, newest-wins by key."""

    __slots__ = (
        "__weakref__",
        "_backlog",
        "_backlog_bytes",
        "_bytes_allowed",
        "_messages_allowed",
        "_over_since",
        "_serial",
        "address",
        "close_code",
        "closing",
        "entry",
        "last_heard",
        "last_sent",
        "person_id",
        "session_id",
        "topics",
        "transport",
        "written",
    )

    def __init__(self, transport: asyncio.Transport, *, messages_allowed: int, bytes_allowed: int) -> None:
        self.transport = transport
        self.entry = b""
        """Its place in a ring of many writes; none when only its transport may write (TLS, other systems)."""
        self.written: set[Socket] = set()
        """Where it says that its transport was written to."""
        self.topics: set[str] = set()
        self.session_id: UUID | None = None
        self.person_id: UUID | None = None
        self.address = ""
        """Where it comes from, as limits count it."""
        self.last_heard = self.last_sent = monotonic()
        self.close_code: int | None = None
        self.closing: asyncio.Future[int] | None = None
        self._messages_allowed = messages_allowed
        self._bytes_allowed = bytes_allowed
        self._backlog: dict[Hashable, tuple[bytes, int]] | None = None
        self._backlog_bytes = 0
        self._over_since: float | None = None
        self._serial = 0

    @property
    def is_lagging(self) -> bool:
        return self._backlog is not None

    def send(self, frame: bytes, key: Hashable = None, version: int = 0) -> bool:
        """Write or keep one frame; True when none waits. It replaces a waiting one of the same key.

        Unless that one is newer: messages of two servers may arrive the wrong way round.

        A transport that is closing swallows it: one dead socket must not stop a round over a thousand.
        """
        transport = self.transport
        if transport.is_closing():
            return True
        if self._backlog is None and transport.get_write_buffer_size() < WRITABLE_BELOW:
            self._write(frame)
            return True
        self._keep(frame, key, version)
        return False

    def went_out(self, result: int, frame: bytes, key: Hashable = None, version: int = 0) -> bool:
        """What came of a frame that went past the transport and was not taken whole; True when none waits.

        An error means that nothing was written; whether the connection is dead its transport finds out.
        """
        if result <= 0:
            self._keep(frame, key, version)
            return False
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # it said goodbye in between: what follows could not be told apart
        else:
            self._write(frame[result:])
        return True

    def send_text(self, text: bytes, key: Hashable = None) -> bool:
        return self.send(text_frame(text), key)

    def ping(self) -> None:
        """A heartbeat, when nothing is waiting that would do as well."""
        if self._backlog is None and not self.transport.is_closing():
            self._write(PING)

    def pong(self, data: bytes) -> None:
        """The answer to a ping, ahead of what is waiting; none to who does not take what he was sent.

        Pings cost no command, so their answers must cost no memory (RFC 6455 §5.5.3 asks for the last only).
        """
        transport = self.transport
        if not transport.is_closing() and transport.get_write_buffer_size() < WRITABLE_BELOW:
            self._write(pong_frame(data))

    def flush(self) -> bool:
        """Write what waits while the transport takes it; True when nothing waits any more."""
        backlog = self._backlog
        if backlog is None or self.transport.is_closing():
            self.drop_backlog()
            return True
        while backlog and self.transport.get_write_buffer_size() < WRITABLE_BELOW:
            key = next(iter(backlog))
            frame, _version = backlog.pop(key)
            self._backlog_bytes -= len(frame)
            self._write(frame)
        if len(backlog) <= self._messages_allowed:
            self._over_since = None
        if not backlog:
            self._backlog = None
        return not backlog

    def is_too_slow(self) -> bool:
        """More than 1 MiB waiting, or more than 256 messages for 5 s (R23)."""
        if self._backlog_bytes > self._bytes_allowed:
            return True
        return self._over_since is not None and monotonic() - self._over_since > PATIENCE_S

    def close(self, code: int) -> None:
        """Ask the socket's own task to close it; the first code wins."""
        if self.close_code is None:
            self.close_code = code
        if self.closing is not None and not self.closing.done():
            self.closing.set_result(self.close_code)

    def drop_backlog(self) -> None:
        """Nothing more will be written; give the memory back."""
        self._backlog, self._backlog_bytes = None, 0

    def _write(self, frame: bytes) -> None:
        self.transport.write(frame)
        self.written.add(self)

    def _keep(self, frame: bytes, key: Hashable, version: int) -> None:
        if self._backlog is None:
            self._backlog = {}
        if key is None:
            self._serial += 1
            key = self._serial
        waiting, newest = self._backlog.get(key, (b"", version))
        if version < newest:
            return
        # Replaced in place: the newer state takes the older one's turn, so it cannot be starved.
        self._backlog_bytes += len(frame) - len(waiting)
        self._backlog[key] = (frame, version)
        if len(self._backlog) > self._messages_allowed and self._over_since is None:
            self._over_since = monotonic()
