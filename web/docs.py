"""The pages that explain the contracts: commands, problems, the socket; for everybody."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from aiohttp import web

from tutti.command import Command
from tutti.errors import Problem
from tutti.event import EVENTS
from tutti.schema import Doc, Json, Schemas, doc_of, doc_of_slice, in_words
from tutti.slices import BODIES, COMMANDS, SLICES
from tutti.wire import CLOSE_CODES, ERROR_CODES, doc_of_command, is_spoken, requests, spoken
from web.exchanged import exchanged
from web.pages import page, render

OURS: Final = ("tutti.", "server.", "web.", "workers.")
_placeholder = re.compile(r"\{\w*\}")


class Member(NamedTuple):
    """One parameter, or one member of what travels."""

    name: str
    kind: str
    needed: bool
    default: str
    words: str


class Told(NamedTuple):
    """A command, as its row in the list says it."""

    name: str
    verb: str
    path: str
    public: bool
    on_socket: bool
    doc: Doc
    members: list[Member]
    answers: str
    status: int


class Chapter(NamedTuple):
    """A slice and its commands."""

    name: str
    doc: Doc
    commands: list[Told]


class Kind(NamedTuple):
    """A Record that travels."""

    name: str
    words: str
    members: list[Member]


class Refusal(NamedTuple):
    """A Problem."""

    code: str
    status: int
    title: str
    sentence: str
    words: str


class Exchange(NamedTuple):
    """A message of the socket, with one that was really sent."""

    name: str
    doc: Doc
    members: list[Member]
    answers: str
    frames: list[tuple[str, str]]
    marks: tuple[str, ...] = ()


@page("GET /docs", public=True)
async def commands(request: web.Request) -> web.Response:
    """Every command by slice, with its parameters and what it answers."""
    address = f"{request.scheme}://{request.host}"
    return await _drawn(request, "commands", chapters=chapters, kinds=kinds, address=lambda: address)


@page("GET /docs/problems", public=True)
async def problems(request: web.Request) -> web.Response:
    """Every refusal by its code; the `type` of problem+json points here."""
    return await _drawn(request, "problems", refusals=refusals)


@page("GET /docs/socket", public=True)
async def socket(request: web.Request) -> web.Response:
    """Every message of the socket, with one that a test really exchanged."""
    return await _drawn(request, "socket", news=news, calls=calls, refused=refused, codes=codes)


@page("GET /docs/api", public=True)
async def swagger(request: web.Request) -> web.Response:
    """The HTTP contract in Swagger UI, where requests can be tried."""
    return await _drawn(request, "api")


async def _drawn(request: web.Request, name: str, **parts: Callable[[], Any]) -> web.Response:
    """The page with what these tell; they think for a while the first time, and do it aside."""
    shown = {part: await asyncio.to_thread(tell) for part, tell in parts.items()}
    known = {each.name for each in await asyncio.to_thread(kinds)}
    return render(request, f"docs/{name}.html", alone=True, known_kinds=known, **shown)


def codes() -> dict[str, dict[int, str]]:
    """Why a socket closes, and what its errors mean."""
    return {"close": CLOSE_CODES, "error": ERROR_CODES}


@cache
def chapters() -> list[Chapter]:
    """The commands of each slice, those with a route first, by path."""
    made = []
    for face in SLICES:
        inside = f"{face.__name__}."
        mine = [_told(each) for each in COMMANDS.values() if each.function.__module__.startswith(inside)]
        told = sorted(mine, key=lambda each: (not each.path, each.path, each.verb))
        made.append(Chapter(face.__name__.rpartition(".")[2], doc_of_slice(face), told))
    return made


@cache
def kinds() -> list[Kind]:
    """Every Record that a command takes inside its parameters or answers."""
    parameters = {each.parameters.__name__ for each in COMMANDS.values()}
    components = _schemas().components
    return [
        Kind(name, schema.get("description", ""), _members(schema))
        for name, schema in sorted(components.items())
        if name not in parameters and "properties" in schema
    ]


def refusals() -> list[Refusal]:
    """Every kind of Problem in Tutti, by status and code."""
    found = {kind.code: kind for kind in _kinds_of(Problem) if kind.__module__.startswith(OURS)}
    told = [
        Refusal(
            kind.code,
            kind.status,
            kind().title,
            _placeholder.sub("…", kind.sentence),
            " ".join((kind.__doc__ or "").split()),
        )
        for kind in found.values()
    ]
    return sorted(told, key=lambda each: (each.status, each.code))


@cache
def calls() -> list[Exchange]:
    """Every method with its parameters, request and answer."""
    schemas = _schemas()
    made = []
    for each in requests(COMMANDS):
        frames = exchanged().requests.get(each.name, {})
        shown = [(label, pretty(frames[part])) for label, part in _PARTS if part in frames]
        answers = "{}" if each.says_nothing else _kind_in_words(schemas, each.returns)
        made.append(Exchange(each.name, each.doc, _members(schemas.record(each.parameters)), answers, shown))
    return made


@cache
def news() -> list[Exchange]:
    """Everything that is said without being asked."""
    schemas = _schemas()
    made = []
    for name, record in spoken(BODIES).items():
        event = EVENTS.get(name)
        marks = tuple(
            word
            for word, holds in (
                ("carries a version", event is not None and event.lasting),
                ("newest wins", event is not None and event.newest_wins),
            )
            if holds
        )
        frame = exchanged().news.get(name)
        shown = [("server → client", pretty(frame))] if frame else []
        made.append(Exchange(name, doc_of(record), _members(schemas.record(record)), "", shown, marks))
    return made


def refused() -> list[list[tuple[str, str]]]:
    """Requests that were refused, with the errors they got."""
    return [
        [(label, pretty(each[part])) for label, part in _PARTS if part in each]
        for each in exchanged().refusals
    ]


def pretty(frame: Any) -> str:
    """A frame as a person reads it; text that is no JSON stays as it was sent."""
    return frame if isinstance(frame, str) else json.dumps(frame, indent=2, ensure_ascii=False)


_PARTS: Final = (("client → server", "request"), ("server → client", "answer"))


@cache
def _schemas() -> Schemas:
    asked = requests(COMMANDS)
    takes = [*(each.parameters for each in asked), *(each.parameters for each in COMMANDS.values())]
    answers = [*(each.returns for each in asked), *(each.returns for each in COMMANDS.values())]
    gives = [kind for kind in answers if kind is not type(None)]
    return Schemas(takes=takes, gives=[*gives, *spoken(BODIES).values()])


def _told(command: Command) -> Told:
    schemas = _schemas()
    nothing = command.status == 204
    return Told(
        command.name,
        command.verb or "",
        f"/api/v1{command.path}" if command.path else "",
        command.public,
        is_spoken(command),
        doc_of_command(command),
        _members(schemas.record(command.parameters)),
        "" if nothing else _kind_in_words(schemas, command.returns),
        command.status,
    )


def _kind_in_words(schemas: Schemas, kind: Any) -> str:
    return in_words(schemas.of(kind))


def _members(schema: Json) -> list[Member]:
    needed = set(schema.get("required", ()))
    return [
        Member(name, _kind(member), name in needed, _default(member), member.get("description", ""))
        for name, member in schema.get("properties", {}).items()
    ]


def _kind(member: Json) -> str:
    """In words; that null may stand for what is left out needs no saying."""
    kinds = member.get("anyOf", ())
    if "default" in member and member["default"] is None:
        return " or ".join(in_words(each) for each in kinds if each != {"type": "null"})
    return in_words(member)


def _default(member: Json) -> str:
    default = member.get("default")
    return "" if default is None else json.dumps(default)


def _kinds_of(kind: type[Problem]) -> Iterator[type[Problem]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _kinds_of(inner)
