import os

import pytest

from server.masked import MaskedOnly


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


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 10**6])
def test_masked_frames_pass_however_they_are_cut(step: int) -> None:
    bare: list[int] = []
    inner = Kept()
    parser = MaskedOnly(inner, lambda: bare.append(1))
    sent = b"".join(frame(os.urandom(size)) for size in (0, 1, 125, 126, 300, 65_535, 70_000, 5))
    for start in range(0, len(sent), step):
        parser.feed_data(sent[start : start + step])
    assert not bare
    assert inner.data == sent


@pytest.mark.parametrize("before", [0, 1, 200])
@pytest.mark.parametrize("step", [1, 10**6])
def test_the_first_bare_frame_is_told_of(before: int, step: int) -> None:
    bare: list[int] = []
    parser = MaskedOnly(Kept(), lambda: bare.append(1))
    sent = frame(b"x" * before) + frame(b"hello", mask=False)
    for start in range(0, len(sent), step):
        parser.feed_data(sent[start : start + step])
    assert bare
