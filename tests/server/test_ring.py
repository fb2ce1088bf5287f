import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from server import ring
from server.ring import SENDS_AT_ONCE, Ring, open_ring

pytestmark = pytest.mark.skipif(open_ring() is None, reason="This kernel or container has no io_uring.")


@pytest.fixture
def rings() -> Iterator[Ring]:
    made = open_ring()
    assert made is not None
    yield made
    made.close()


class Pair:
    """Two ends of a TCP connection; ours never waits."""

    def __init__(self, listening: socket.socket) -> None:
        self.theirs = socket.create_connection(listening.getsockname())
        self.ours, _address = listening.accept()
        self.ours.setblocking(False)
        self.theirs.settimeout(5)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.theirs.recv(size - len(data))
        return data

    def fill(self) -> int:
        """Write until nothing more is taken; answers how much was."""
        written = 0
        while True:
            try:
                written += self.ours.send(b"x" * 65_536)
            except BlockingIOError:
                return written


@pytest.fixture
def connected() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def pairs(stack: ExitStack, count: int) -> list[Pair]:
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
    made = [Pair(listening) for _ in range(count)]
    for each in made:
        stack.enter_context(each.ours)
        stack.enter_context(each.theirs)
    return made


def entries(rings: Ring, made: list[Pair]) -> bytes:
    return b"".join(rings.entry(each.ours.fileno()) for each in made)


def test_everybody_gets_every_frame_however_often_the_rings_begin_anew(
    rings: Ring, connected: ExitStack
) -> None:
    made = pairs(connected, 300)
    for length in range(1, 3 * 2 * SENDS_AT_ONCE // len(made)):
        frame = os.urandom(length)
        assert rings.send(entries(rings, made), frame) == []
        assert {each.read(length) for each in made} == {frame}


def test_more_sockets_than_fit_into_one_call_are_served_in_several(rings: Ring, connected: ExitStack) -> None:
    made = pairs(connected, 10)
    crowd = made * (2 * SENDS_AT_ONCE // len(made) + 1)
    assert rings.send(entries(rings, crowd), b"hello") == []
    times = len(crowd) // len(made)
    assert {each.read(5 * times) for each in made} == {b"hello" * times}


def test_who_takes_nothing_is_named_and_got_nothing(rings: Ring, connected: ExitStack) -> None:
    made = pairs(connected, 3)
    written = made[1].fill()
    assert rings.send(entries(rings, made), b"hello") == [(1, -errno.EAGAIN)]
    assert made[0].read(5) == made[2].read(5) == b"hello"
    assert made[1].read(written) == b"x" * written
    made[1].theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        made[1].theirs.recv(1)


def test_who_takes_a_part_is_named_with_how_much_that_was(rings: Ring, connected: ExitStack) -> None:
    made = pairs(connected, 2)
    made[0].ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    made[0].theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    frame = os.urandom(ring.LARGEST_FRAME)
    results: list[tuple[int, int]] = []
    while not results:
        results = [each for each in rings.send(entries(rings, made[:1]), frame) if each[1] >= 0]
    ((place, written),) = results
    assert place == 0
    assert 0 < written < len(frame)
    assert made[0].read(written) == frame[:written]


def test_a_dead_connection_is_named_and_the_others_are_served(rings: Ring, connected: ExitStack) -> None:
    made = pairs(connected, 3)
    made[0].ours.shutdown(socket.SHUT_WR)
    ((place, result),) = rings.send(entries(rings, made), b"hello")
    assert (place, result) == (0, -errno.EPIPE)
    assert made[1].read(5) == made[2].read(5) == b"hello"


def test_a_ring_that_fails_says_that_nobody_got_the_frame(connected: ExitStack) -> None:
    made = pairs(connected, 2)
    failing = open_ring()
    assert failing is not None
    failing.close()
    assert failing.send(entries(failing, made), b"hello") == [(0, -errno.EAGAIN), (1, -errno.EAGAIN)]
    assert failing.is_broken


def test_a_kernel_without_it_has_no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "_SETUP", 0xFFFF)
    assert open_ring() is None


def test_a_sandbox_that_refuses_the_sends_has_no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "_OP_SEND", 250)
    assert open_ring() is None
