import asyncio
import errno
from time import monotonic
from typing import cast

import pytest

from server.frames import pong_frame, text_frame
from server.socket import PATIENCE_S, WRITABLE_BELOW, Socket


class Pipe:
    """A transport whose reader can be made to stop."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.held = 0
        self.closing = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.held


def made(pipe: Pipe, messages: int = 4, size: int = 1000) -> Socket:
    transport = cast(asyncio.Transport, pipe)
    return Socket(transport, messages_allowed=messages, bytes_allowed=size)


def test_a_socket_that_keeps_up_gets_its_frames_at_once() -> None:
    pipe = Pipe()
    assert made(pipe).send(b"one")
    assert pipe.written == [b"one"]


def test_a_slow_reader_gets_only_the_newest_state_and_every_answer_in_order() -> None:
    pipe = Pipe()
    socket = made(pipe)
    pipe.held = WRITABLE_BELOW
    socket.send(b"state 1", key="state")
    socket.send(b"answer 1")
    socket.send(b"state 2", key="state")
    socket.send(b"answer 2")
    assert pipe.written == []
    pipe.held = 0
    assert socket.flush()
    assert pipe.written == [b"state 2", b"answer 1", b"answer 2"]


def test_an_older_state_that_arrives_late_replaces_no_newer_one() -> None:
    pipe = Pipe()
    socket = made(pipe)
    pipe.held = WRITABLE_BELOW
    socket.send(b"state 2", key="state", version=2)
    socket.send(b"state 1", key="state", version=1)
    socket.send(b"state 2 again", key="state", version=2)
    pipe.held = 0
    socket.flush()
    assert pipe.written == [b"state 2 again"]


def test_a_closing_transport_swallows_what_comes() -> None:
    pipe = Pipe()
    socket = made(pipe)
    pipe.closing = True
    assert socket.send(b"one")
    socket.ping()
    assert pipe.written == []
    assert not socket.is_lagging


def test_pings_of_who_reads_nothing_cost_no_memory() -> None:
    pipe = Pipe()
    socket = made(pipe)
    socket.pong(b"1")
    pipe.held = WRITABLE_BELOW
    socket.pong(b"2")
    pipe.held = 0
    socket.pong(b"3")
    assert pipe.written == [pong_frame(b"1"), pong_frame(b"3")]


def test_more_bytes_than_allowed_is_too_slow_at_once() -> None:
    pipe = Pipe()
    socket = made(pipe, size=10)
    pipe.held = WRITABLE_BELOW
    socket.send(b"x" * 11)
    assert socket.is_too_slow()


def test_more_messages_than_allowed_is_too_slow_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    socket = made(pipe, messages=2)
    pipe.held = WRITABLE_BELOW
    for _ in range(3):
        socket.send(b"x")
    assert not socket.is_too_slow()
    began = monotonic()
    monkeypatch.setattr("server.socket.monotonic", lambda: began + PATIENCE_S + 1)
    assert socket.is_too_slow()


def test_a_reader_that_recovers_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    socket = made(pipe, messages=2)
    pipe.held = WRITABLE_BELOW
    for _ in range(3):
        socket.send(b"x")
    pipe.held = 0
    socket.flush()
    began = monotonic()
    monkeypatch.setattr("server.socket.monotonic", lambda: began + PATIENCE_S + 1)
    assert not socket.is_too_slow()
    assert not socket.is_lagging


@pytest.mark.parametrize(("size", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_frames_have_the_length_field_that_fits(size: int, head: int) -> None:
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    assert len(frame) == head + size


def test_a_frame_that_was_taken_in_part_is_finished_by_the_transport() -> None:
    pipe = Pipe()
    assert made(pipe).went_out(3, b"frame")
    assert pipe.written == [b"me"]


def test_a_frame_that_was_refused_waits_and_is_written_in_its_turn() -> None:
    pipe = Pipe()
    socket = made(pipe)
    assert not socket.went_out(-errno.EAGAIN, b"state 1", key="state")
    socket.send(b"state 2", key="state")
    assert socket.flush()
    assert pipe.written == [b"state 2"]


def test_half_a_frame_before_a_goodbye_ends_the_connection() -> None:
    pipe = Pipe()
    pipe.held = 4
    assert made(pipe).went_out(3, b"frame")
    assert pipe.written == []
    assert pipe.aborted


def test_every_write_is_noted() -> None:
    pipe = Pipe()
    socket = made(pipe)
    for write in (lambda: socket.send(b"x"), socket.ping, lambda: socket.pong(b"x")):
        socket.written.clear()
        write()
        assert socket.written == {socket}
