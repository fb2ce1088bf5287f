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


async def becomes(server: Server, part: str, state: str) -> None:
    for _ in range(100):
        if (await asked(server, "/readyz"))[1][part] == state:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await asked(server, "/readyz"))


async def test_a_server_with_all_its_parts_is_ready(server: Server) -> None:
    assert await asked(server, "/readyz") == (200, {"status": "ready", "database": "ok", "redis": "ok"})


async def test_without_its_database_it_is_alive_and_not_ready(
    server: Server, postgres_part: Postgres
) -> None:
    os.kill(postgres_part.pid, signal.SIGKILL)
    try:
        await asyncio.sleep(0.2)
        assert (await asked(server, "/healthz"))[0] == 200
        status, parts = await asked(server, "/readyz")
        assert (status, parts["status"], parts["database"]) == (503, "not ready", "away")
    finally:
        postgres_part.start()
    await becomes(server, "database", "ok")


async def test_without_redis_it_stays_ready_and_says_so(server: Server, redis_part: Redis) -> None:
    os.kill(redis_part.pid, signal.SIGKILL)
    try:
        await asyncio.sleep(0.2)
        status, parts = await asked(server, "/readyz")
        assert (status, parts["redis"]) == (200, "away")
    finally:
        redis_part.start()
    await becomes(server, "redis", "ok")
