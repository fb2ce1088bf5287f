"""Which bytes are asked for (RFC 9110 §13, §14), and what a saved file is called (RFC 6266). Pure."""

import re
from typing import NamedTuple
from urllib.parse import quote

_range = re.compile(r"^bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))$", re.ASCII)
_tag = re.compile(r'(W/)?("[^"]*")')
_never_in_names = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]")
_unsafe_in_quotes = re.compile(r"[^ !#-\[\]-~]")


class Piece(NamedTuple):
    """A part of a file: `length` bytes from `start` on; nothing when it lies behind the end."""

    start: int
    length: int


def asked_piece(header: str | None, size: int) -> Piece | None:
    """The one range that is asked for; None for the whole file.

    Several ranges, other units and what does not parse mean the whole file, as the RFC allows. A length of
    0 says that the range lies outside (416).
    """
    asked = _range.match((header or "").strip())
    if asked is None:
        return None
    first, last, suffix = asked.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        return Piece(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    return Piece(start, max(0, end - start + 1))


def is_same(header: str, etag: str, *, weak: bool) -> bool:
    """Whether an If-Match (strong) or If-None-Match (weak) names this tag, or any."""
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not prefix) for prefix, tag in _tag.findall(header))


def range_still_holds(if_range: str | None, etag: str) -> bool:
    """Whether a range may be answered as one; a date never equals a tag, so it gets the whole file."""
    return if_range is None or if_range.strip() == etag


def shown_as(name: str) -> str:
    """Content-Disposition: play it here; saved, it is called `name`, which may hold any letter."""
    clean = " ".join(_never_in_names.sub(" ", name).split()).strip(" .") or "song"
    plain = _unsafe_in_quotes.sub("_", clean)
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
