"""Cursors of the library's lists: the last row's place in the order, in a form that nobody needs to read."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from tutti.errors import Invalid

T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=200)]
Cursor = Annotated[str, Meta(max_length=4000)]


def cursor_to(order: str, place: Mapping[str, Any]) -> str:
    """A cursor behind a place in an order; times keep their microseconds, or a page would begin too late."""
    return base64.urlsafe_b64encode(msgspec.json.encode([order, place])).decode().rstrip("=")


def place_in(order: str, cursor: str | None, kind: type[T]) -> T | None:
    """The place back, None without a cursor; raises Invalid for one of another order or none of ours."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        given, place = msgspec.json.decode(raw, type=tuple[str, msgspec.Raw])
        if given != order:
            raise Invalid.because("This cursor belongs to another list.", pointer="/cursor")
        return msgspec.json.decode(place, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Invalid.because("This cursor was not given by this server.", pointer="/cursor") from None
