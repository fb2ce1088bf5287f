"""The contracts on paper: OpenAPI for HTTP and AsyncAPI for the socket, made from what validates."""

import asyncio
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from server.documents.asyncapi import asyncapi, server_told
from server.documents.openapi import openapi
from server.http import PREFIX
from server.keys import SETTINGS
from tutti.record import encode
from tutti.slices import BODIES, COMMANDS, SLICES
from web.exchanged import exchanged

PUBLIC: Final = {"Cache-Control": "public, max-age=300"}
SWAGGER: Final = {
    "swagger-ui.js": ("swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": ("swagger-ui.css", "text/css"),
}


def add_routes(app: web.Application) -> None:
    """Both documents and Swagger UI's files, for everybody."""
    app.router.add_get(f"{PREFIX}/openapi.json", openapi_json)
    app.router.add_get(f"{PREFIX}/asyncapi.json", asyncapi_json)
    app.router.add_get("/vendor/{name:swagger-ui\\.(js|css)}", swagger_ui)


async def openapi_json(request: web.Request) -> web.Response:
    """Every HTTP request that Tutti answers (OpenAPI 3.1)."""
    body = await asyncio.to_thread(_openapi)
    return web.Response(body=body, content_type="application/json", headers=PUBLIC)


async def asyncapi_json(request: web.Request) -> web.Response:
    """Every message on the socket (AsyncAPI 3.0), for this server as it was addressed."""
    secure = request.app[SETTINGS].is_secure or request.secure
    here = server_told(request.host, "wss" if secure else "ws")
    made = {**await asyncio.to_thread(_asyncapi), "servers": {"here": here}}
    headers = PUBLIC | {"Vary": "Host"}
    return web.Response(body=encode(made), content_type="application/json", headers=headers)


async def swagger_ui(request: web.Request) -> web.StreamResponse:
    """The files of Swagger UI, out of a package of which nothing is imported: it would ask for Django."""
    name, kind = SWAGGER[request.match_info["name"]]
    headers = {"Cache-Control": "no-cache", "Content-Type": kind}
    return web.FileResponse(_swagger_folder() / name, headers=headers)


# Made once, and in a thread: a third of a second would be heard on every socket of this process.
@cache
def _openapi() -> bytes:
    return encode(openapi(COMMANDS, SLICES))


@cache
def _asyncapi() -> dict[str, Any]:
    return asyncapi(COMMANDS, BODIES, exchanged(), host="", protocol="")


@cache
def _swagger_folder() -> Path:
    name = "drf_spectacular_sidecar"
    return Path(str(distribution(name).locate_file(f"{name}/static/{name}/swagger-ui-dist")))
