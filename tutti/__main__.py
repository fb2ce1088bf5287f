"""The operator's command: `python -m tutti up`, and what else one does at a terminal."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  whoever has an older one shall read a sentence, not a SyntaxError
    sys.exit("Tutti needs Python 3.11 or newer; this one is {}.{}.".format(*sys.version_info))

import argparse
import asyncio
import getpass
import os
from collections.abc import Callable
from pathlib import Path

from tutti.errors import Problem
from tutti.part import CannotStart
from tutti.settings import BadSetting, example, read_settings


def main(words: list[str] | None = None) -> int:
    """Run one command; answers the exit code. What goes wrong in an expected way is one sentence."""
    arguments = _grammar().parse_args(words)
    read_env_file(Path(".env"))
    try:
        arguments.run(arguments)
    except (CannotStart, BadSetting) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except Problem as problem:
        reasons = [error["detail"] for error in problem.errors or ()]
        print(*(reasons or [problem.sentence.format(**problem.details)]), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def read_env_file(path: Path) -> None:
    """Take the settings of a .env file, lines NAME=value; what the environment says already wins."""
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def _grammar() -> argparse.ArgumentParser:
    grammar = argparse.ArgumentParser(
        "tutti", description="A music server in which every device shares one player."
    )
    commands = grammar.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=run)
        return made

    up = add("up", _up, "Run everything until Ctrl-C.")
    up.add_argument("--lan", action="store_true", help="let other devices on this network in, by TLS")
    up.add_argument("--logs", action="store_true", help="show the logs of the processes here as well")
    add("migrate", _migrate, "Bring the database to the newest version.")
    user = add("user", _user, "Add somebody; the password is asked for, or read from a pipe.")
    user.add_argument("email")
    user.add_argument("--name", help="as others see it; the part before the @ when left out")
    user.add_argument("--admin", action="store_true", help="may administer this server")
    music = add("import", _import, "Take in every audio file below a folder; the files stay where they are.")
    music.add_argument("folder", type=Path)
    music.add_argument("--for", dest="email", required=True, help="the address of whom the music is for")
    add("reindex", _reindex, "Have Elasticsearch's copy built anew, without downtime.")
    add("setup-code", _setup_code, "Print a new code for the first administrator.")
    add("settings", _settings, "Print every setting with its default (.env.example).")
    return grammar


def _say(text: str) -> None:
    print(text, flush=True)


def _up(arguments: argparse.Namespace) -> None:
    from tutti.up import up  # noqa: PLC0415  the short commands need not wait for what `up` imports

    up(os.environ, lan=arguments.lan, echo=arguments.logs, say=_say)


def _migrate(_arguments: argparse.Namespace) -> None:
    from tutti import operate  # noqa: PLC0415  see _up

    with operate.reached(read_settings()) as settings:
        operate.migrate(settings)
    _say("The database is up to date.")


def _user(arguments: argparse.Namespace) -> None:
    from tutti import operate  # noqa: PLC0415  see _up

    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    name = arguments.name or arguments.email.partition("@")[0]
    person = {"email": arguments.email, "name": name, "password": password}
    with operate.reached(read_settings()) as settings:
        added = asyncio.run(
            operate.add_user(settings, **person, role="admin" if arguments.admin else "member")
        )
    _say(f"{added.name} can sign in at {settings.url} as {arguments.email}.")


def _import(arguments: argparse.Namespace) -> None:
    from tutti import operate  # noqa: PLC0415  see _up

    folder: Path = arguments.folder.absolute()
    if not folder.is_dir():
        raise CannotStart(f"{folder} is no folder.")
    with operate.reached(read_settings()) as settings:
        asyncio.run(operate.import_music(settings, email=arguments.email, folder=folder, say=_say))


def _reindex(_arguments: argparse.Namespace) -> None:
    from tutti import operate  # noqa: PLC0415  see _up

    with operate.reached(read_settings()) as settings:
        asyncio.run(operate.reindex(settings))
    _say("The workers build it now; searches use the old one until it is complete.")


def _setup_code(_arguments: argparse.Namespace) -> None:
    from tutti import operate  # noqa: PLC0415  see _up

    with operate.reached(read_settings()) as settings:
        code = asyncio.run(operate.setup_code(settings))
    _say(code or "There is an administrator already; he can add others.")


def _settings(_arguments: argparse.Namespace) -> None:
    _say(example().rstrip("\n"))


if __name__ == "__main__":
    sys.exit(main())
