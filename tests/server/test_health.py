"""Alive asks nobody; ready names each part that is away, and is itself again when the part is."""

import asyncio
import os
import signal
from typing import Any

import aiohttp

from tests.running import Server
from tutti.embedded import Postgres, Redis


async def asked(server: Server, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}{path}") as answer:
        return answer.status, await answer.json()


async def becomes(server: Server, code: int, /, **parts: str) -> dict[str, Any]:
    """Wait until it answers so (a machine that stood still is not ready for a moment); all that it says."""
    for _ in range(100):
        answered, said = await asked(server, "/readyz")
        if answered == code and parts.items() <= said.items():
            return said
        await asyncio.sleep(0.1)
    raise AssertionError(await asked(server, "/readyz"))


async def test_a_server_with_all_its_parts_is_ready(server: Server) -> None:
    said = await becomes(server, 200, status="ready", database="ok", redis="ok")
    assert said.keys() == {"status", "database", "redis"}


async def test_without_its_database_it_is_alive_and_not_ready(
    server: Server, postgres_part: Postgres
) -> None:
    os.kill(postgres_part.pid, signal.SIGKILL)
    try:
        await becomes(server, 503, status="not ready", database="away")
        assert (await asked(server, "/healthz"))[0] == 200
    finally:
        postgres_part.start()
    await becomes(server, 200, database="ok")


async def test_without_redis_it_stays_ready_and_says_so(server: Server, redis_part: Redis) -> None:
    os.kill(redis_part.pid, signal.SIGKILL)
    try:
        await becomes(server, 200, status="ready", redis="away")
    finally:
        redis_part.start()
    await becomes(server, 200, redis="ok")
