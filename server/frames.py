"""WebSocket frames as bytes (RFC 6455 §5.2): built once per event, written unchanged to every transport."""

import struct

PING = b"\x89\x00"


def text_frame(text: bytes) -> bytes:
    """One unmasked, unfragmented, uncompressed text frame."""
    size = len(text)
    if size < 126:
        return b"\x81" + bytes((size,)) + text
    if size < 65_536:
        return b"\x81\x7e" + struct.pack("!H", size) + text
    return b"\x81\x7f" + struct.pack("!Q", size) + text


def pong_frame(data: bytes) -> bytes:
    """The answer to a ping, with what that carried: 125 bytes at most, as all control frames (§5.5)."""
    return b"\x8a" + bytes((len(data),)) + data
