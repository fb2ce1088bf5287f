"""Every query is one PostgreSQL understands, and each is used."""

import re
from pathlib import Path

import asyncpg

from tests.conftest import ContextOf
from tutti.player import turn
from tutti.player.turn import sql


async def test_every_query_is_prepared_against_the_real_schema(context_of: ContextOf) -> None:
    connection = await context_of().connection()
    wrong = {}
    for query in sql:
        try:
            async with connection.transaction():
                await connection.prepare(query.text)
        except asyncpg.PostgresError as error:
            wrong[query.name] = str(error)
    assert wrong == {}


def test_no_query_is_left_over() -> None:
    code = "".join(path.read_text() for path in Path(turn.__file__).parent.glob("*.py"))
    used = set(re.findall(r"\bsql\.([a-z_]+)", code))
    assert {query.name for query in sql} == used
