"""python -m server.routes: every command, route and page, with where it stands in the code."""

import sys
from collections.abc import Iterator
from inspect import getsourcefile, getsourcelines, unwrap
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from server.app import make_app
from server.http import PREFIX
from tutti.command import Command
from tutti.settings import Settings
from tutti.slices import COMMANDS

ROOT = Path(__file__).parent.parent


class Line(NamedTuple):
    """One row of the table."""

    name: str
    verb: str
    path: str
    right: str
    place: str


def lines() -> list[Line]:
    """Commands by name (those without a route are on the socket only), then bytes and pages by path."""
    commands = [_of_command(command) for command in COMMANDS.values()]
    known = {(line.verb, line.path) for line in commands}
    others = {line for line in _others() if (line.verb, line.path) not in known}
    return sorted(commands) + sorted(others, key=lambda line: (line.path, line.verb))


def _of_command(command: Command) -> Line:
    path = PREFIX + command.path if command.path else "(socket)"
    right = "public" if command.public else "signed in"
    return Line(command.name, command.verb or "", path, right, command.place)


def _others() -> Iterator[Line]:
    commands = {PREFIX + command.path for command in COMMANDS.values() if command.path}
    commands |= {path.replace(PREFIX, "/api", 1) for path in commands}
    for route in make_app(Settings()).router.routes():
        path = route.resource.canonical if route.resource else ""
        if path not in commands and route.method != "HEAD":
            yield Line("", route.method, path, "", _place(route))


def _place(route: web.AbstractRoute) -> str:
    function = unwrap(route.handler)
    path = Path(getsourcefile(function) or "").resolve()
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return f"{name}:{getsourcelines(function)[1]}"


def main() -> None:
    """Print the table."""
    rows = [("name", "verb", "path", "right", "place"), *lines()]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


if __name__ == "__main__":
    main()
