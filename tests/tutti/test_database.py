from pathlib import Path

import pytest

from tests.conftest import ContextOf
from tests.running import changed
from tutti.context import Context
from tutti.database import Queries, as_record, queries
from tutti.errors import Unavailable
from tutti.floor import open_floor
from tutti.record import Record
from tutti.settings import Settings

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(ROOT.glob("tutti/**/*.sql"))


def test_parameters_are_numbered_by_first_use_and_casts_stay(tmp_path: Path) -> None:
    (tmp_path / "queries.sql").write_text(
        "-- one\n-- Why.\nselect :b, :a, :b, '12:30', cast(:a as int);\n\n-- two\n-- Why.\nselect 1\n"
    )
    found = queries(str(tmp_path / "x.py"))
    assert found.one.text == "select $1, $2, $1, '12:30', cast($2 as int)"
    assert found.one.parameters == ("b", "a")
    assert found.two.text == "select 1"
    with pytest.raises(AttributeError, match="three"):
        _ = found.three


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "queries.sql").write_text("-- one\nselect 1;\n\n-- one\nselect 2;\n")
    with pytest.raises(ValueError, match="twice"):
        queries(str(tmp_path / "x.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
async def test_every_query_fits_the_schema(file: Path, context_of: ContextOf) -> None:
    found: Queries = queries(str(file), file.name)
    connection = await context_of().connection()
    for query in found:
        await connection.prepare(query.text)


class Row(Record):
    song_id: int
    deep: dict[str, int]


async def test_a_row_becomes_a_record_with_its_json_inside(context_of: ContextOf) -> None:
    connection = await context_of().connection()
    row = await connection.fetchrow("select 7 as song_id, cast('{\"a\": 1}' as jsonb) as deep")
    assert as_record(row, Row) == Row(song_id=7, deep={"a": 1})


async def test_a_database_that_refuses_is_a_503_with_a_hint_to_come_back(settings: Settings) -> None:
    away = changed(settings, database_url="postgresql://tutti@127.0.0.1:1/tutti")
    async with open_floor(away) as floor:
        with pytest.raises(Unavailable) as caught:
            await Context(floor).connection()
        assert caught.value.status == 503
        assert caught.value.retry_after == 5
