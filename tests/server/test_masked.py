import os
from time import process_time

import pytest

from server.masked import FrameGate
from server.socket import NOT_MASKED, TOO_FAST


class Kept:
    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        self.ended = True


def frame(payload: bytes, *, mask: bool = True) -> bytes:
    bit = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = bytes((0x81, bit | size))
    elif size < 65_536:
        head = bytes((0x81, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x81, bit | 127)) + size.to_bytes(8, "big")
    return head + (b"\0\0\0\0" if mask else b"") + payload


def always() -> bool:
    return True


class Refused(list[int]):
    """The codes with which a socket was turned away."""

    def parser(self, inner: Kept) -> FrameGate:
        return FrameGate(inner, always, self.append)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 10**6])
def test_masked_frames_pass_however_they_are_cut(step: int) -> None:
    refused, inner = Refused(), Kept()
    parser = refused.parser(inner)
    sent = b"".join(frame(os.urandom(size)) for size in (0, 1, 125, 126, 300, 65_535, 70_000, 5))
    for start in range(0, len(sent), step):
        parser.feed_data(sent[start : start + step])
    assert not refused
    assert inner.data == sent


@pytest.mark.parametrize("before", [0, 1, 200])
@pytest.mark.parametrize("step", [1, 10**6])
def test_the_first_bare_frame_is_told_of(before: int, step: int) -> None:
    refused = Refused()
    parser = refused.parser(Kept())
    sent = frame(b"x" * before) + frame(b"hello", mask=False)
    for start in range(0, len(sent), step):
        parser.feed_data(sent[start : start + step])
    assert set(refused) == {NOT_MASKED}


class Few:
    """So many frames may come."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.asked = 0

    def may_come(self) -> bool:
        self.asked += 1
        return self.asked <= self.allowed


@pytest.mark.parametrize("step", [1, 6, 100, 10**6])
def test_frames_are_counted_however_they_are_cut_and_the_first_too_many_is_the_last_looked_at(
    step: int,
) -> None:
    few, refused, inner = Few(10), list[int](), Kept()
    parser = FrameGate(inner, few.may_come, refused.append)
    sent = frame(b"") * 10_000
    for start in range(0, len(sent), step):
        parser.feed_data(sent[start : start + step])
    assert few.asked == 11
    assert set(refused) == {TOO_FAST}
    assert len(inner.data) < 11 * len(frame(b""))


def test_who_goes_on_after_he_was_refused_is_refused_again() -> None:
    """Each time, because reading may have been taken up again in between."""
    refused, inner = list[int](), Kept()
    parser = FrameGate(inner, Few(0).may_come, refused.append)
    for _ in range(3):
        parser.feed_data(frame(b"hello"))
    assert refused == [TOO_FAST] * 3
    assert not inner.data


def test_eight_times_as_many_frames_are_about_eight_times_the_work() -> None:
    """Measured beside each other: sixty-four times would be a walk that copies the rest at each step."""
    few, many = frame(b"") * 20_000, frame(b"") * 160_000
    assert seconds_for(many) < 24 * seconds_for(few)


def seconds_for(data: bytes) -> float:
    """The fastest of three walks over all of it as one chunk."""
    taken = []
    for _ in range(3):
        parser = Refused().parser(Kept())
        began = process_time()
        parser.feed_data(data)
        taken.append(process_time() - began)
    return min(taken)
