"""Parts of our own, which may be killed: PostgreSQL with fsync, Redis, two servers as processes."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.folders import passable_folder
from tests.ports import free_port
from tests.running import Process, Server, changed, migrated, wait_for_answer
from tutti.context import Floor
from tutti.embedded import Postgres, Redis
from tutti.settings import Settings, read_settings

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
def database_url(postgres_part: Postgres) -> str:
    """One database for all: each test has people of its own in it."""
    return migrated(postgres_part.url)


@pytest.fixture(scope="session")
def settings(database_url: str, redis_part: Redis, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Limits out of the way: these tests are about faults."""
    return read_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_part.url,
            "DATA_DIR": str(tmp_path_factory.mktemp("chaos") / "var"),
            "STORAGE_RESERVE_BYTES": "0",
            "LOG_LEVEL": "error",
            "RATE_COMMANDS_PER_SECOND": "100000",
            "RATE_COMMANDS_BURST": "100000",
            "RATE_READS_PER_MINUTE": "1000000",
            "RATE_WRITES_PER_MINUTE": "1000000",
            "RATE_STRANGERS_PER_MINUTE": "1000000",
            "RATE_SOCKET_OPENS_SESSION": "10000",
            "RATE_SOCKET_OPENS_ADDRESS": "10000",
            "SOCKETS_PER_PERSON": "1000",
        }
    )


@pytest.fixture(autouse=True)
def whole_again(postgres_part: Postgres, redis_part: Redis) -> Iterator[None]:
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


@pytest.fixture(scope="session")
def steady(settings: Settings) -> Iterator[list[Process]]:
    """Two servers as processes of their own that live through every fault of the parts."""
    with ExitStack() as stack:
        yield start_processes(stack, settings, settings)


@pytest.fixture
def servers(steady: list[Process], floor: Floor) -> list[Server]:
    """The two, which nobody may kill."""
    assert all(process.is_running for process in steady), "no fault of a part ends a server"
    return [Server(f"http://127.0.0.1:{process.settings.port}", floor) for process in steady]


def start_processes(
    stack: ExitStack | AsyncExitStack, *each: Settings, environments: Sequence[dict[str, str]] = ()
) -> list[Process]:
    """One server process for each of these settings, started side by side; they end with the stack."""
    made = []
    for settings, more in zip(each, environments or [{}] * len(each), strict=True):
        process = Process("server", changed(settings, port=free_port()), more).start()
        stack.callback(process.stop)
        made.append(process)
    for process in made:
        wait_for_answer(f"http://127.0.0.1:{process.settings.port}/healthz")
    return made


def start_servers(
    stack: ExitStack | AsyncExitStack,
    floor: Floor,
    *each: Settings,
    environments: Sequence[dict[str, str]] = (),
) -> list[Running]:
    """Servers that a test may kill."""
    processes = start_processes(stack, *each, environments=environments)
    return [Running(Server(f"http://127.0.0.1:{each.settings.port}", floor), each) for each in processes]


@pytest.fixture
def running(settings: Settings, floor: Floor) -> Iterator[list[Running]]:
    """Two servers of this test alone."""
    with ExitStack() as stack:
        yield start_servers(stack, floor, settings, settings)
