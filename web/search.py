"""Search: what is typed, what is found, and what was perhaps meant."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from tutti import search
from web.pages import ask, page, render

PAGE: Final = 40
KINDS: Final = {"": "All", "song": "Songs", "album": "Albums", "artist": "Artists"}


@page("GET /search")
async def results(request: web.Request) -> web.Response:
    """Everything that fits what was typed; without words an invitation to type some."""
    words = request.query.get("q", "").strip()[:200]
    kind = request.query.get("type", "")
    kind = kind if kind in KINDS else ""
    if not words:
        return render(request, "search/search.html", words="", kind="", kinds=KINDS, found=None, more=None)
    cursor = request.query.get("cursor")
    found = await ask(request, search.find, q=words, type=kind or None, limit=PAGE, cursor=cursor)
    more = None
    if found.next_cursor:
        more = "/search?" + urlencode({"q": words, "type": kind, "cursor": found.next_cursor})
    is_more = cursor is not None and request.headers.get("HX-Request") == "true"
    template = "search/_results.html" if is_more else "search/search.html"
    return render(request, template, words=words, kind=kind, kinds=KINDS, found=found, more=more)
