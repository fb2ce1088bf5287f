"""Two servers as processes of their own, on one PostgreSQL and one Redis."""

from collections.abc import Iterator

import pytest

from tests.running import Process, Server, server_process
from tutti.context import Floor
from tutti.settings import Settings


@pytest.fixture
def processes(
    settings: Settings, floor: Floor
) -> Iterator[tuple[tuple[Server, Process], tuple[Server, Process]]]:
    """Both servers with their processes, for tests that stop or kill one."""
    with server_process(settings, floor) as one, server_process(settings, floor) as other:
        yield one, other


@pytest.fixture
def servers(processes: tuple[tuple[Server, Process], tuple[Server, Process]]) -> tuple[Server, Server]:
    """Both servers."""
    (one, _), (other, _) = processes
    return one, other
