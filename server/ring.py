"""One frame to many sockets in one system call: io_uring, where the kernel has it.

The price of a fan-out is the kernel's: one send per socket and message. Most of that cannot be saved, but
entering the kernel a thousand times for it can. The entries (`struct io_uring_sqe`) of a topic's sockets
differ only in their descriptor, so each socket keeps its own ready made, and a whole topic is handed over by
laying them behind one another (io_uring_enter(2)).

Every send ends within the call, done or refused: none is ever pending, so nothing has to be kept alive or
taken back. Where io_uring is missing or forbidden (other systems, old kernels, many containers) `open_ring`
answers None, and the transports write as they always do.
"""

import asyncio
import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import structlog

SENDS_AT_ONCE: Final = 1024
"""In one system call, during which the loop does nothing else: about 4 ms."""
LARGEST_FRAME: Final = 262_144

_SETUP, _ENTER = 425, 426  # the same numbers on every architecture
_SUBMIT_ALL: Final = 1 << 7
_GET_EVENTS: Final = 1
_SENDS, _DONE, _ENTRIES = 0, 0x8000000, 0x10000000
_OP_SEND: Final = 26
_DONTWAIT_NOSIGNAL: Final = 0x40 | 0x4000
_PARAMETERS: Final = struct.Struct("=7I12x7I12x7I12x")
"""struct io_uring_params: the sizes, then where things are in the ring of sends and in that of results."""
_ENTRY: Final = struct.Struct("=BBHiQQIIQ24x")
"""struct io_uring_sqe: opcode, flags, priority, descriptor, offset, address, length, flags, place."""
_ENTRY_WORDS, _LENGTH_WORD, _PLACE_WORD = 16, 6, 8
_RESULT_WORDS, _RESULT_WORD = 4, 2
"""struct io_uring_cqe: place (two words), result, flags."""
_WORD: Final = 0xFFFFFFFF
_libc: Final = ctypes.CDLL(None, use_errno=True)
log = structlog.get_logger()


class Ring:
    """The two rings shared with the kernel: sends go into one, results come out of the other."""

    def __init__(self, descriptor: int, parameters: bytes) -> None:
        sends, results, _, _, _, _, _, *offsets = _PARAMETERS.unpack(parameters)
        at, done_at = offsets[:7], offsets[7:]
        self._descriptor = descriptor
        self._size, self._results_size = sends, results
        self._places = memoryview(array("I", range(sends)))
        self.is_broken = False
        """The kernel took fewer sends than it was given: not to be used again."""
        self._sends = _words(descriptor, _SENDS, at[6] + sends * 4)
        self._tail, order = at[1] // 4, at[6] // 4
        self._sends[order : order + sends] = self._places
        self._done = _words(descriptor, _DONE, done_at[5] + results * 16)
        self._done_head, self._first_result = done_at[0] // 4, done_at[5] // 4
        self._entries = mmap.mmap(descriptor, sends * _ENTRY.size, offset=_ENTRIES)
        self._entry_words = memoryview(self._entries).cast("I")
        self._frame = mmap.mmap(-1, LARGEST_FRAME)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._frame))

    def entry(self, descriptor: int) -> bytes:
        """What a socket keeps ready for `send`: everything but the length and its place."""
        return _ENTRY.pack(_OP_SEND, 0, 0, descriptor, 0, self._address, 0, _DONTWAIT_NOSIGNAL, 0)

    def send(self, entries: bytes, frame: bytes) -> list[tuple[int, int]]:
        """Write the frame, of at most `LARGEST_FRAME` bytes, to the socket of each entry.

        Answers (place in `entries`, bytes written or negative errno) of those that did not take it whole.
        """
        size, total = len(frame), len(entries) // _ENTRY.size
        self._frame[:size] = frame
        unfinished: list[tuple[int, int]] = []
        for first in range(0, total, self._size):
            count = min(self._size, total - first)
            self._lay(memoryview(entries)[first * _ENTRY.size : (first + count) * _ENTRY.size], count, size)
            taken = self._enter(count)
            unfinished += [(first + place, result) for place, result in self._unfinished(taken, size)]
            if taken < count:
                self.is_broken = True
                return unfinished + [(place, -errno.EAGAIN) for place in range(first + taken, total)]
        return unfinished

    def close(self) -> None:
        """Give the rings back; what was sent is sent."""
        os.close(self._descriptor)

    def _lay(self, entries: memoryview, count: int, size: int) -> None:
        """Put entries behind the last ones; the ring may begin anew on the way."""
        tail = self._sends[self._tail]
        for start, at, length in _stretches(tail, count, self._size):
            end = start + length
            self._entries[start * _ENTRY.size : end * _ENTRY.size] = entries[
                at * _ENTRY.size : (at + length) * _ENTRY.size
            ]
            words = slice(start * _ENTRY_WORDS, end * _ENTRY_WORDS)
            self._entry_words[words][_LENGTH_WORD::_ENTRY_WORDS] = _repeated(size, length)
            self._entry_words[words][_PLACE_WORD::_ENTRY_WORDS] = self._places[at : at + length]
        self._sends[self._tail] = (tail + count) & _WORD

    def _enter(self, count: int) -> int:
        """Have the kernel carry out so many; answers how many it took, fewer when something is wrong."""
        taken = 0
        while taken < count:
            left = count - taken
            answer = _libc.syscall(_ENTER, self._descriptor, left, left, _GET_EVENTS, None, 0)
            if answer < 0 and ctypes.get_errno() == errno.EINTR:
                continue
            if answer <= 0:
                log.warning("io_uring takes no more sends", error=os.strerror(ctypes.get_errno()))
                break
            taken += answer
        return taken

    def _unfinished(self, count: int, size: int) -> list[tuple[int, int]]:
        """Read all results, and answer those that are not the frame's length."""
        head = self._done[self._done_head]
        found: list[tuple[int, int]] = []
        for start, _at, length in _stretches(head, count, self._results_size):
            first = self._first_result + start * _RESULT_WORDS
            results = self._done[first : first + length * _RESULT_WORDS]
            if results[_RESULT_WORD::_RESULT_WORDS] != _repeated(size, length):
                places = results[::_RESULT_WORDS], results[_RESULT_WORD::_RESULT_WORDS]
                found += [
                    (place, _signed(result)) for place, result in zip(*places, strict=True) if result != size
                ]
        self._done[self._done_head] = (head + count) & _WORD
        return found


def open_ring() -> Ring | None:
    """The rings, or None where the kernel has none for us."""
    if sys.platform != "linux":
        return None
    parameters = ctypes.create_string_buffer(
        _PARAMETERS.pack(0, 0, _SUBMIT_ALL, *(0,) * 18), _PARAMETERS.size
    )
    descriptor = _libc.syscall(_SETUP, SENDS_AT_ONCE, parameters)
    if descriptor < 0:
        return None
    ring = Ring(descriptor, parameters.raw)
    if _delivers(ring):
        return ring
    ring.close()
    return None


def _delivers(ring: Ring) -> bool:
    """Whether a frame comes out at the other end: some sandboxes have the rings and refuse the sends."""
    ours, theirs = socket.socketpair()
    with ours, theirs, suppress(BlockingIOError):
        theirs.setblocking(False)
        return ring.send(ring.entry(ours.fileno()), b"?") == [] and theirs.recv(2) == b"?"
    return False


def _words(descriptor: int, offset: int, size: int) -> memoryview:
    """A mapping of the ring as 32-bit words."""
    return memoryview(mmap.mmap(descriptor, -(-size // 4) * 4, offset=offset)).cast("I")


def _stretches(counter: int, count: int, size: int) -> Iterator[tuple[int, int, int]]:
    """(where in the ring, at which of the `count`, how many): in two pieces when the ring begins anew."""
    start = counter % size
    until_end = min(count, size - start)
    yield start, 0, until_end
    if until_end < count:
        yield 0, until_end, count - until_end


def _signed(word: int) -> int:
    return word - (word >> 31 << 32)


def _repeated(number: int, count: int) -> memoryview:
    return memoryview(array("I", (number,)) * count)


def plain_descriptor(transport: asyncio.Transport) -> int | None:
    """The descriptor of a transport that writes to a TCP socket as it is; None under TLS."""
    plain = transport.get_extra_info("socket")
    if plain is None or transport.get_extra_info("sslcontext") is not None:
        return None
    descriptor: int = plain.fileno()
    return descriptor if descriptor >= 0 else None
