"""Songs, albums, artists: lists that grow as one scrolls, and a page for each album and artist."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from tutti import library
from tutti.errors import NotFound
from web.pages import ask, page, render

PAGE: Final = 60
ORDERS: Final = {"added": "Newest", "title": "Title", "artist": "Artist", "album": "Album"}


@page("GET /songs")
async def songs(request: web.Request) -> web.Response:
    """All songs one may hear."""
    order = request.query.get("sort", "added")
    order = order if order in ORDERS else "added"
    found = await ask(
        request, library.browse_songs, sort=order, limit=PAGE, cursor=request.query.get("cursor")
    )
    more = _more("/songs", found.next_cursor, sort=order)
    return _listed(
        request, "library/songs.html", "library/_songs.html", songs=found.items, more=more, order=order
    )


@page("GET /liked")
async def liked(request: web.Request) -> web.Response:
    """What one likes, the latest first."""
    found = await ask(request, library.liked, limit=PAGE, cursor=request.query.get("cursor"))
    more = _more("/liked", found.next_cursor)
    return _listed(request, "library/liked.html", "library/_songs.html", songs=found.items, more=more)


@page("GET /albums")
async def albums(request: web.Request) -> web.Response:
    """All albums in which one may hear something."""
    found = await ask(request, library.browse_albums, limit=PAGE, cursor=request.query.get("cursor"))
    more = _more("/albums", found.next_cursor)
    return _listed(request, "library/albums.html", "library/_albums.html", albums=found.items, more=more)


@page("GET /artists")
async def artists(request: web.Request) -> web.Response:
    """All artists of whom one may hear something."""
    found = await ask(request, library.browse_artists, limit=PAGE, cursor=request.query.get("cursor"))
    more = _more("/artists", found.next_cursor)
    return _listed(request, "library/artists.html", "library/_artists.html", artists=found.items, more=more)


@page("GET /albums/{albumId}")
async def album(request: web.Request) -> web.Response:
    """One album in its own order."""
    found = await ask(request, library.show_album, album_id=_id(request, "albumId"))
    return render(request, "library/album.html", album=found.album, songs=found.songs)


@page("GET /artists/{artistId}")
async def artist(request: web.Request) -> web.Response:
    """One artist: albums and songs."""
    found = await ask(request, library.show_artist, artist_id=_id(request, "artistId"))
    return render(request, "library/artist.html", artist=found.artist, albums=found.albums, songs=found.songs)


def _listed(request: web.Request, whole: str, rows: str, **values: Any) -> web.Response:
    """The page, or only its next rows when the list asks for more of itself."""
    is_more = "cursor" in request.query and request.headers.get("HX-Request") == "true"
    return render(request, rows if is_more else whole, orders=ORDERS, **values)


def _more(path: str, cursor: str | None, **values: str) -> str | None:
    query: Mapping[str, str] = {**values, "cursor": cursor} if cursor else {}
    return f"{path}?{urlencode(query)}" if cursor else None


def _id(request: web.Request, name: str) -> UUID:
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise NotFound from None
