"""The player's pages: home, what was heard, and how a phone gets here."""

import ipaddress
from functools import lru_cache
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import segno
from aiohttp import web
from markupsafe import Markup

from tutti import library, player
from tutti.settings import Settings
from tutti.tls import lan_address
from web.pages import SETTINGS_IN_PAGES, ask, page, render

NEWEST: Final = 12
PAGE: Final = 60
ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104  compared, not bound


@page("GET /")
async def home(request: web.Request) -> web.Response:
    """What plays, the queue, the newest songs, and a place to drop more."""
    found = await ask(request, library.browse_songs, sort="added", limit=NEWEST)
    return render(request, "player/home.html", songs=found.items, **_way_here(request))


@page("GET /phone")
async def phone(request: web.Request) -> web.Response:
    """The code that opens this server on a phone, for the sheet."""
    return render(request, "player/_phone.html", **_way_here(request))


@page("GET /history")
async def history(request: web.Request) -> web.Response:
    """What was heard on this player; songs that are gone or hidden by now are left out."""
    cursor = request.query.get("cursor")
    found = await ask(request, player.history, limit=PAGE, cursor=cursor)
    songs = await ask(request, library.songs_to_play, song_ids=[played.song_id for played in found.items])
    known = {song.song_id: song for song in songs}
    heard = [(played, known[played.song_id]) for played in found.items if played.song_id in known]
    more = f"/history?{urlencode({'cursor': found.next_cursor})}" if found.next_cursor else None
    is_more = cursor is not None and request.headers.get("HX-Request") == "true"
    return render(
        request, "player/_history.html" if is_more else "player/history.html", heard=heard, more=more
    )


def _way_here(request: web.Request) -> dict[str, Any]:
    settings = request.app[SETTINGS_IN_PAGES]
    address = address_for_others(settings, request.host)
    qr = qr_code(address) if address else None
    return {"address": address, "qr": qr, "fingerprint": settings.tls_fingerprint}


def address_for_others(settings: Settings, asked_host: str) -> str | None:
    """Where a phone finds this server; None when it listens to this machine alone.

    The way the asker himself came is the best one when it leads over a network: it is known to work.
    """
    scheme = "https" if settings.is_secure else "http"
    if settings.public_url and not _is_own_machine(urlsplit(settings.public_url).hostname):
        return settings.public_url.rstrip("/")
    if not _is_own_machine(urlsplit(f"//{asked_host}").hostname):
        return f"{scheme}://{asked_host}"
    if settings.host in ANYWHERE:
        found = lan_address()
        return f"{scheme}://{found}:{urlsplit(f'//{asked_host}').port or settings.port}" if found else None
    return None if _is_own_machine(settings.host) else settings.url


def _is_own_machine(host: str | None) -> bool:
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        known = ipaddress.ip_address(host)
    except ValueError:
        return False
    return known.is_loopback or known.is_unspecified


@lru_cache(maxsize=32)
def qr_code(text: str) -> Markup:
    """The text as an inline picture; black on white in either theme, because cameras want it so."""
    out = BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=0, nl=False)
    return Markup(out.getvalue().decode())  # noqa: S704  made here, from segno's own numbers
