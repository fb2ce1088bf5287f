"""Lists stay quick however many songs there are: read from an index in order, never a sort of all."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import ContextOf
from tutti.context import Floor, Person
from tutti.library.songs import SORTINGS, sql

MANY = 5_000


@pytest.fixture
async def many_songs(floor: Floor, someone: Person) -> None:
    async with floor.pool.connection() as connection:
        artist = uuid4()
        await connection.execute("insert into artists (id, key, name) values ($1, 'a', 'A')", artist)
        await connection.execute(
            """insert into songs
                   (id, owner_id, title, artist_id, duration_ms, audience, title_key, artist_key)
               select gen_random_uuid(), $1, 'Song ' || n, $2, 1000, '{members}', 'song ' || n, 'a'
               from generate_series(1, $3) as n""",
            someone.id,
            artist,
            MANY,
        )
        await connection.execute("analyze songs")


@pytest.mark.usefixtures("many_songs")
@pytest.mark.parametrize("order", list(SORTINGS))
async def test_a_page_reads_little_more_than_itself(
    context_of: ContextOf, someone: Person, order: Any
) -> None:
    sorting = SORTINGS[order]
    after: dict[str, Any] = {"after_added": None, "after_disc": 0, "after_track": 0, "after_year": 0}
    given = {
        "person_id": someone.id,
        "audiences": ["members"],
        **dict.fromkeys(("album_id", "artist_id", "owner_id", "genre", "year", "after_id")),
        **{key: after.get(key, "") for key in sorting.keys},
        "limit": 51,
    }
    ctx = context_of(someone)
    await ctx.db.run(sql.plan_anew)
    connection = await ctx.connection()
    arguments = [given[name] for name in sorting.query.parameters]
    [row] = await connection.fetch("explain (analyze, format json) " + sorting.query.text, *arguments)
    [plan] = row[0]
    assert most_rows(plan["Plan"]) <= 100


def most_rows(plan: dict[str, Any]) -> float:
    """The most rows that any step of a plan handed on."""
    below = max((most_rows(each) for each in plan.get("Plans", ())), default=0)
    return max(float(plan["Actual Rows"]) * float(plan["Actual Loops"]), below)
