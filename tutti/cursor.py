"""Cursors of lists: the last row's place, in a form that nobody needs to read and anybody may tamper with."""

import base64
from typing import Any, TypeVar

import msgspec

from tutti.errors import Invalid
from tutti.record import convert, decode

T = TypeVar("T")


def to_cursor(place: Any) -> str:
    """A place as text for a URL; times keep their microseconds, or the next page would begin too late."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_cursor(cursor: str, kind: type[T]) -> T:
    """The place back. Raises Invalid for what this server never gave: it is read as strictly as a body."""
    try:
        return convert(decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))), kind)
    except (ValueError, Invalid):
        raise Invalid.because("This cursor was not given by this server.", pointer="/cursor") from None
