"""Parts of our own, which may be killed: PostgreSQL with fsync, Redis, two servers as processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil
import pytest

from tests.folders import passable_folder
from tests.running import Process, Server, changed, free_port, wait_for_answer
from tutti.context import Floor
from tutti.embedded import Postgres, Redis
from tutti.settings import Settings

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One after the other, and on one worker: two nemeses at once prove nothing about either."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("chaos"))


@pytest.fixture(scope="session")
def postgres_part() -> Iterator[Postgres]:
    """With fsync: what was acknowledged must be there after kill -9."""
    with passable_folder() as folder, Postgres(folder / "postgres") as part:
        yield part


@pytest.fixture(scope="session")
def redis_part() -> Iterator[Redis]:
    with passable_folder() as folder, Redis(folder / "redis") as part:
        yield part


@pytest.fixture(scope="session")
def template_database(postgres_part: Postgres) -> str:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": postgres_part.url},
        check=True,
    )
    return urlsplit(postgres_part.url).path.lstrip("/")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits out of the way: these tests are about faults."""
    return changed(
        settings,
        rate_commands_per_second=100_000,
        rate_commands_burst=100_000,
        rate_reads_per_minute=1_000_000,
        rate_writes_per_minute=1_000_000,
        rate_strangers_per_minute=1_000_000,
        rate_socket_opens_session=10_000,
        rate_socket_opens_address=10_000,
        sockets_per_person=1000,
        log_level="error",
    )


@pytest.fixture(autouse=True)
def whole_again(database_url: str, postgres_part: Postgres, redis_part: Redis) -> Iterator[None]:
    """Whatever a test did to the parts, the next one finds them well."""
    yield
    for part in (postgres_part, redis_part):
        for_all_of(part.pid, signal.SIGCONT)
        if not part.running or not part.answers():
            part.start()


def for_all_of(pid: int, sign: signal.Signals) -> None:
    """Send a signal to a process and all its children: stopping a postmaster alone stops no query."""
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            process.send_signal(sign)
    except psutil.NoSuchProcess:
        return


class Running(NamedTuple):
    """A server and its process."""

    server: Server
    process: Process


@pytest.fixture
def running(settings: Settings, floor: Floor) -> Iterator[list[Running]]:
    """Two servers as processes of their own, started side by side."""
    with ExitStack() as stack:
        yield start_servers(stack, floor, settings, settings)


@pytest.fixture
def servers(running: list[Running]) -> list[Server]:
    return [each.server for each in running]


def start_servers(
    stack: ExitStack | AsyncExitStack,
    floor: Floor,
    *each: Settings,
    environment: dict[str, str] | None = None,
) -> list[Running]:
    """One server process for each of these settings; they end with the stack."""
    made = []
    for settings in each:
        port = free_port()
        process = Process("server", changed(settings, port=port), environment).start()
        stack.callback(process.stop)
        made.append(Running(Server(f"http://127.0.0.1:{port}", floor), process))
    for one in made:
        wait_for_answer(f"{one.server.url}/healthz")
    return made
