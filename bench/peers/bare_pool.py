"""The peer of bench/command.py: asyncpg alone, the same two statements in a transaction, nothing else.

DATABASE_URL=… python -m bench.peers.bare_pool <clients> <seconds> <file for the rate>
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import asyncpg
import uvloop

from bench.parts.stage import Stage

LOCK = (
    "with s as materialized (select * from queues where id = $1 for update) "
    "select s.*, clock_timestamp() from s"
)
SAVE = "update queues set volume = $2, version = version + 1, updated_at = clock_timestamp() where id = $1"


async def steer(pool: "asyncpg.Pool[asyncpg.Record]", player_id: UUID, until: float) -> int:
    """One client: lock and read, write, commit, again."""
    done = 0
    while time.perf_counter() < until:
        async with pool.acquire() as connection, connection.transaction():
            await connection.fetchrow(LOCK, player_id)
            await connection.execute(SAVE, player_id, (done % 100) / 100)
        done += 1
    return done


async def rate_of(clients: int, seconds: float) -> float:
    """Transactions a second of so many clients."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10) as pool:
        rows = await pool.fetch("select id from queues order by random() limit $1", clients)
        until = time.perf_counter() + seconds
        done = await asyncio.gather(*(steer(pool, row["id"], until) for row in rows))
    return sum(done) / seconds


def pgbench_rate(on: Stage, clients: int, seconds: int) -> float:
    """Transactions a second of PostgreSQL's own tool with the same two statements."""
    script = on.folder / "steer.sql"
    asyncio.run(_number_players(on.postgres.url))
    script.write_text(
        "\\set n random(1, 32)\nbegin;\n"
        "with s as materialized (select q.* from queues q join bench_players b using (id) "
        "where b.n = :n for update of q) "
        "select s.*, clock_timestamp() from s;\n"
        "update queues set volume = 0.5, version = version + 1, updated_at = clock_timestamp() "
        "where id = (select id from bench_players where n = :n);\ncommit;\n"
    )
    words = [
        str(on.postgres.tool("pgbench")),
        "-n",
        "-M",
        "prepared",
        "-c",
        "20",
        "-j",
        "2",
        "-T",
        str(seconds),
        "-f",
        str(script),
    ]
    printed = subprocess.run([*words, on.postgres.url], check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+)", printed)
    if found is None:
        raise RuntimeError(f"pgbench printed no rate: {printed}")
    return float(found[1])


async def _number_players(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table bench_players as select row_number() over () as n, id from queues limit 32"
    )
    await connection.close()


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(str(uvloop.run(rate_of(int(sys.argv[1]), float(sys.argv[2])))))
