"""Every query is one PostgreSQL understands."""

import asyncpg

from tests.conftest import ContextOf
from tutti.database import queries
from tutti.identity import sessions


async def test_every_query_is_prepared_against_the_real_schema(context_of: ContextOf) -> None:
    connection = await context_of().connection()
    wrong = {}
    for query in queries(sessions.__file__):
        try:
            async with connection.transaction():
                await connection.prepare(query.text)
        except asyncpg.PostgresError as error:
            wrong[query.name] = str(error)
    assert wrong == {}
