"""Cursors of the library's lists: each tells the order that it belongs to."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from tutti.cursor import from_cursor, to_cursor
from tutti.errors import Invalid
from tutti.record import convert

T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=200)]
Cursor = Annotated[str, Meta(max_length=4000)]


def cursor_to(order: str, place: Mapping[str, Any]) -> str:
    """A cursor behind a place in an order."""
    return to_cursor([order, place])


def place_in(order: str, cursor: str | None, kind: type[T]) -> T | None:
    """The place back, None without a cursor; raises Invalid for one of another order or none of ours."""
    if cursor is None:
        return None
    given, place = from_cursor(cursor, tuple[str, dict[str, Any]])
    if given != order:
        raise Invalid.because("This cursor belongs to another list.", pointer="/cursor")
    try:
        return convert(place, kind)
    except Invalid:
        raise Invalid.because("This cursor was not given by this server.", pointer="/cursor") from None
