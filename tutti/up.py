"""`tutti up`: embedded parts first, then the processes of the Procfile; stopped in the opposite order.

It imports none of those processes: what is set here reaches them by their environment only.
"""

import asyncio
import errno
import os
import signal
import socket
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tutti import operate, tls
from tutti.embedded import CannotStart, Postgres, Redis
from tutti.part import Part
from tutti.processes import STOP_S, Process, Say, procfile
from tutti.settings import Settings, read_settings
from tutti.system import account_name

ROOT = Path(__file__).resolve().parent.parent
EVERYWHERE = "0.0.0.0"  # noqa: S104  only with LAN=1, and then with TLS unless PLAIN_HTTP says otherwise
ANSWERS_WITHIN_S = 60.0


def up(environment: Mapping[str, str], *, lan: bool, echo: bool, say: Say) -> None:
    """Run Tutti until Ctrl-C or SIGTERM. Raises CannotStart, with everything stopped again."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupt)
    with ExitStack() as stack:
        try:
            settled = settle(environment, lan=lan)
            settings = read_settings(settled)
            check_folder(settings.data)
            check_port(settings.host, settings.port)
            parts = list(embedded_parts(settings))
            for part in parts:
                stack.enter_context(part)
                settled[part.setting] = part.url
                if part.folder != part.asked:
                    say(f"{part.name} keeps its data in {part.folder}, as it may not run as root.")
            settings = read_settings(settled)
            operate.migrate(settings)
            processes = stack.enter_context(running(settled, settings, echo=echo, say=say))
            wait_for_answer(settings, processes, say)
            say(greeting(settings, asyncio.run(operate.setup_code(settings))))
            watch(parts, processes, say)
        except KeyboardInterrupt:
            say("Stopping …")


def settle(environment: Mapping[str, str], *, lan: bool) -> dict[str, str]:
    """The environment for every process: what was given, completed by what this start decides."""
    settings = read_settings(environment)
    settled = {**environment, "DATA_DIR": str(settings.data)}
    if settings.storage_url.startswith("s3:") and find_spec("aiobotocore") is None:
        raise CannotStart("STORAGE_URL=s3://… needs some packages more: run `make setup S3=1` once.")
    if settings.port == 0:
        settled["PORT"] = str(free_port())
    if lan:
        settled |= on_the_lan(read_settings(settled))
    elif not is_loopback(settings.host) and not _is_guarded(settings):
        raise CannotStart(
            f"HOST={settings.host} would open Tutti to the network without TLS: use `make run LAN=1`, or set "
            "TLS_CERTIFICATE and TLS_KEY, or PUBLIC_URL=https://… of a proxy, or PLAIN_HTTP=true."
        )
    return settled


def on_the_lan(settings: Settings) -> dict[str, str]:
    """The settings with which others on the LAN reach us, by TLS unless PLAIN_HTTP is set."""
    names = tls.own_names()
    given = [name.strip() for name in settings.allowed_hosts.split(",") if name.strip()]
    changed = {"HOST": EVERYWHERE if is_loopback(settings.host) else settings.host}
    changed["ALLOWED_HOSTS"] = ",".join(dict.fromkeys([*given, *names]))
    if not settings.plain_http and not settings.uses_tls:
        identity = tls.own_identity(settings.data / "keys", names, datetime.now(UTC))
        changed |= {"TLS_CERTIFICATE": str(identity.certificate), "TLS_KEY": str(identity.key)}
    if not settings.public_url:
        scheme = "http" if settings.plain_http and not settings.uses_tls else "https"
        changed["PUBLIC_URL"] = f"{scheme}://{tls.lan_address() or 'localhost'}:{settings.port}"
    return changed


def check_folder(folder: Path) -> None:
    """Make the data folder, and see that it is ours. Root's is passable, as its parts are other accounts'."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner != os.geteuid():
            raise CannotStart(f"{folder} belongs to {account_name(owner)}: start Tutti as that user.")
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise CannotStart(f"Tutti cannot keep its data in {folder}: {error.strerror}.") from error


def check_port(host: str, port: int) -> None:
    """Raise CannotStart with what to do when nobody could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise CannotStart(_port_trouble(error.errno, host, port)) from error


def embedded_parts(settings: Settings) -> Iterator[Postgres | Redis]:
    """The parts that no URL replaces."""
    if not settings.database_url:
        yield Postgres(settings.data / "postgres")
    if not settings.redis_url:
        yield Redis(settings.data / "redis")


@contextmanager
def running(
    environment: Mapping[str, str], settings: Settings, *, echo: bool, say: Say
) -> Iterator[list[Process]]:
    """Every process of the Procfile, started; all stopped at the end, a second Ctrl-C kills them."""
    processes: list[Process] = []
    try:
        for name, words in procfile(ROOT / "Procfile").items():
            command = [sys.executable if words[0] == "python" else words[0], *words[1:]]
            process = Process(name, command, settings.data / "logs" / f"{name}.log", say, echo)
            processes.append(process)
            process.start(environment, ROOT)
        yield processes
    finally:
        _stop(processes)


def wait_for_answer(settings: Settings, processes: list[Process], say: Say) -> None:
    """Wait until the server answers; say so when it takes too long, and go on."""
    scheme = "https" if settings.uses_tls else "http"
    host = "127.0.0.1" if settings.host == EVERYWHERE else settings.host
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}/healthz"
    ours = ssl._create_unverified_context()  # noqa: S323, SLF001  we ask ourselves whether we are up
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while time.monotonic() < deadline:
        for process in processes:
            process.look_after()
        try:
            with urllib.request.urlopen(url, timeout=2, context=ours if scheme == "https" else None):  # noqa: S310  http(s) only
                return
        except OSError:
            time.sleep(0.1)
    say(f"The server does not answer yet; {settings.data / 'logs' / 'server.log'} may tell why.")


def greeting(settings: Settings, code: str | None) -> str:
    """What the person at the terminal needs: the address, and the code while there is no administrator."""
    lines = [f"Tutti plays at {settings.url}"]
    if code is not None:
        lines[0] += f"   Your code for the first visit: {code}"
    if settings.tls_certificate:
        lines.append(f"Certificate (SHA-256): {tls.fingerprint(Path(settings.tls_certificate))}")
    elif not is_loopback(settings.host) and not settings.is_secure:
        lines.append("Warning: plain http. Everybody on this network can listen in and take over sign-ins.")
    return "\n".join(lines)


def watch(parts: list[Postgres | Redis], processes: list[Process], say: Say) -> NoReturn:
    """Keep everything running until KeyboardInterrupt."""
    while True:
        time.sleep(0.2)
        for part in parts:
            if not part.running:
                _revive(part, say)
        for process in processes:
            process.look_after()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_guarded(settings: Settings) -> bool:
    return settings.uses_tls or settings.plain_http or settings.public_url.startswith("https://")


def _port_trouble(number: int | None, host: str, port: int) -> str:
    if number == errno.EADDRINUSE:
        return f"Port {port} is taken by another program: stop that one, or use `make run PORT={port + 1}`."
    if number == errno.EACCES:
        return f"Port {port} is reserved for the system: use one above 1023, such as `make run PORT=8800`."
    return f"HOST={host} is no address of this machine."


def _revive(part: Part, say: Say) -> None:
    say(f"{part.name} ended and is started again.")
    try:
        part.start()
    except CannotStart as error:
        say(str(error))
        time.sleep(5)


def _stop(processes: list[Process]) -> None:
    def hurry(_sign: int, _frame: FrameType | None) -> None:
        for process in processes:
            process.kill()

    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, hurry)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for process in reversed(processes):
        process.ask_to_stop()
    deadline = time.monotonic() + STOP_S
    for process in reversed(processes):
        process.stop(deadline)


def _interrupt(_sign: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
