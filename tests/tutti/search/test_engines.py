"""One contract, two engines: what is found, in which order, by whom; and what happens when one is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import msgspec
import pytest

from tests.conftest import ContextOf
from tests.running import changed
from tests.tutti.search.house import House
from tutti import search
from tutti.command import perform
from tutti.context import Context, Person
from tutti.errors import Forbidden, Invalid, NotFound
from tutti.floor import open_floor
from tutti.search.model import Results, Suggestions
from tutti.settings import Settings

Entry = tuple[str, str, str, str]
MUSIC: Sequence[Entry] = [
    ("artist", "Queen", "", ""),
    ("song", "Killer Queen", "Queen", "Sheer Heart Attack"),
    ("song", "Bohemian Rhapsody", "Queen", "A Night at the Opera"),
    ("album", "A Night at the Opera", "Queen", ""),
    ("song", "Dancing Queen", "ABBA", "Arrival"),
    ("artist", "ABBA", "", ""),
    ("song", "Halo", "Beyoncé", "I Am… Sasha Fierce"),
    ("artist", "Beyoncé", "", ""),
    ("artist", "Sigur Rós", "", ""),
    ("song", "Back in Black", "AC/DC", "Back in Black"),
    ("song", "Straße nach Süden", "Die Ärzte", ""),
    ("song", "1999", "Prince", "1999"),
    ("song", "Don't Stop Me Now", "Queen", "Jazz"),
    ("song", "さくら", "森山直太朗", ""),
    ("artist", "The Beatles", "", ""),
    ("song", "Here Comes the Sun", "The Beatles", "Abbey Road"),
]


@pytest.fixture(params=["postgresql", "elasticsearch"])
async def house(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[House]:
    if request.param == "elasticsearch":
        url = request.getfixturevalue("elasticsearch_url")
        settings = changed(settings, elasticsearch_url=url, elasticsearch_index=f"test-{uuid4().hex}")
    async with open_floor(settings) as floor:
        made = House(floor)
        await perform(made.ctx(), search.rebuild)
        yield made
        await made.clean()


@pytest.fixture
async def music(house: House) -> House:
    for entry in MUSIC:
        await house.put(*entry)
    await house.catch_up()
    return house


def titles(answer: Results | Suggestions) -> list[str]:
    return [item.title for item in answer.items]


async def test_the_right_engine_answers(music: House) -> None:
    answer = await music.find("queen")
    assert answer.backend == ("elasticsearch" if music.elastic else "postgresql")
    assert answer.degraded is False


async def test_an_exact_title_comes_first_then_words_in_titles_then_elsewhere(music: House) -> None:
    found = titles(await music.find("queen"))
    assert found[0] == "Queen"
    assert set(found[1:3]) == {"Killer Queen", "Dancing Queen"}
    assert set(found[3:]) == {"Bohemian Rhapsody", "A Night at the Opera", "Don't Stop Me Now"}


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("boh", "Bohemian Rhapsody"),
        ("queen boh", "Bohemian Rhapsody"),
        ("rhapsody bohemian", "Bohemian Rhapsody"),
        ("BEYONCE", "Beyoncé"),
        ("beyoncé halo", "Halo"),
        ("sigur ros", "Sigur Rós"),
        ("strasse suden", "Straße nach Süden"),
        ("acdc", "Back in Black"),
        ("ac/dc", "Back in Black"),
        ("dont stop", "Don't Stop Me Now"),
        ("don’t sto", "Don't Stop Me Now"),
        ("さく", "さくら"),
        ("1999", "1999"),
        ("abbey", "Here Comes the Sun"),
    ],
)
async def test_found_by_part_of_any_word_without_accents(music: House, q: str, title: str) -> None:
    answer = await music.find(q)
    assert title in titles(answer)
    assert answer.did_you_mean is None


@pytest.mark.parametrize(
    ("q", "title", "meant"),
    [
        ("bohemain", "Bohemian Rhapsody", "Bohemian"),
        ("bohmian rhapsody", "Bohemian Rhapsody", "Bohemian rhapsody"),
        ("quuen killer", "Killer Queen", "Queen killer"),
        ("beyonse halo", "Halo", "Beyoncé halo"),
        ("wbeatles", "The Beatles", "Beatles"),
        ("rhapsxdy", "Bohemian Rhapsody", "Rhapsody"),
    ],
)
async def test_one_slip_is_forgiven_and_named(music: House, q: str, title: str, meant: str) -> None:
    answer = await music.find(q)
    assert title in titles(answer)
    assert answer.did_you_mean == meant


@pytest.mark.parametrize("q", ["xylophone", "bhoemain", "1998", "queen xylophone", "", "  !?", "and or not"])
async def test_nothing_is_found_where_nothing_fits(music: House, q: str) -> None:
    answer = await music.find(q)
    assert answer.items == []
    assert answer.next_cursor is None
    assert answer.did_you_mean is None


@pytest.mark.parametrize(
    "q", ["' | 'a':*", 'title:"x" OR *', "\\'; drop table", "a & !b", "{}[]():*~^", "\x00\ufffe"]
)
async def test_signs_of_query_languages_mean_nothing(music: House, q: str) -> None:
    await music.find(q)
    await music.suggest(q)


async def test_only_the_wanted_types(music: House) -> None:
    assert {item.type for item in (await music.find("queen", type="song")).items} == {"song"}
    assert {item.type for item in (await music.find("queen", type="album,artist")).items} == {
        "album",
        "artist",
    }
    assert (await music.find("queen", type="playlist")).items == []


async def test_highlights_show_where(music: House) -> None:
    [item] = (await music.find("queen boh")).items
    assert [(part.text, part.hit) for part in item.highlight.title] == [
        ("Boh", True),
        ("emian Rhapsody", False),
    ]
    assert [(part.text, part.hit) for part in item.highlight.subtitle] == [("Queen", True)]


async def test_nobody_finds_what_he_may_not(house: House) -> None:
    await house.put("song", "Secret Sonata", "Clara", audience=["user:1"])
    await house.put("song", "Secret Serenade", "Clara", audience=["members"])
    await house.put("song", "Secret Suite", "Clara", audience=["public"])
    await house.catch_up()
    for q, ask in (
        ("secret", house.find),
        ("secre", house.suggest),
        ("sercet", house.find),
        ("sercet", house.suggest),
    ):
        assert titles(await ask(q, audiences=("public",))) == ["Secret Suite"]
        assert len(titles(await ask(q, audiences=("public", "members")))) == 2
        assert len(titles(await ask(q, audiences=("public", "members", "user:1")))) == 3
        assert titles(await ask(q, audiences=("user:2",))) == []


async def test_a_correction_gives_no_hidden_title_away(house: House) -> None:
    await house.put("song", "Zanzibar", audience=["user:1"])
    await house.catch_up()
    answer = await house.find("zanzibat", audiences=("public", "members"))
    assert answer.did_you_mean is None
    assert answer.items == []


async def test_put_again_changes_and_drop_removes(house: House) -> None:
    entity = await house.put("song", "Old Name")
    await house.catch_up()
    await house.put("song", "New Name", entity_id=entity, metadata={"coverUrl": "/cover.jpg"})
    await house.catch_up()
    [item] = (await house.find("name")).items
    assert (item.title, item.cover_url, item.id) == ("New Name", "/cover.jpg", str(entity))
    assert (await house.find("old")).items == []
    for _twice in range(2):
        await house.drop("song", entity)
        await house.catch_up()
        assert (await house.find("name")).items == []
    await house.put("song", "Again", entity_id=entity)
    await house.catch_up()
    assert titles(await house.find("again")) == ["Again"]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("q", "Queen"),
        ("que", "Queen"),
        ("qeen", "Queen"),
        ("beyo", "Beyoncé"),
        ("beyonse", "Beyoncé"),
        ("bohemian r", "Bohemian Rhapsody"),
        ("bohmian r", "Bohemian Rhapsody"),
        ("queen bo", "Bohemian Rhapsody"),
        ("beatl", "The Beatles"),
        ("baetl", "The Beatles"),
        ("eatles", "The Beatles"),
        ("ros", "Sigur Rós"),
        ("arzt", "Straße nach Süden"),
    ],
)
async def test_suggestions_for_a_few_letters(music: House, typed: str, first: str) -> None:
    answer = await music.suggest(typed)
    assert titles(answer)[0] == first
    assert len(answer.items) <= 8


async def test_every_beginning_of_a_title_suggests_it(music: House) -> None:
    for end in range(1, len("Bohemian Rhapsody") + 1):
        assert "Bohemian Rhapsody" in titles(await music.suggest("Bohemian Rhapsody"[:end]))


async def test_suggestions_show_equal_looking_things_once(house: House) -> None:
    for _copy in range(3):
        await house.put("song", "Yesterday", "The Beatles")
    await house.put("song", "Yesterday", "Somebody Else")
    await house.catch_up()
    assert len((await house.suggest("yester")).items) == 2
    assert len((await house.find("yester")).items) == 4


async def test_leafing_shows_each_result_once_in_order(house: House) -> None:
    for number in range(23):
        await house.put("song", f"Étude {number:02}", "Chopin")
    await house.catch_up()
    seen, cursor, pages = [], None, 0
    while True:
        answer = await house.find("etude", limit=5, **({"cursor": cursor} if cursor else {}))
        seen += [item.id for item in answer.items]
        pages += 1
        if (cursor := answer.next_cursor) is None:
            break
    assert pages == 5
    assert len(seen) == len(set(seen)) == 23
    whole = await house.find("etude", limit=100)
    assert [item.id for item in whole.items] == seen


async def test_leafing_ends_after_a_thousand(house: House) -> None:
    async def put_all(ctx: Context) -> None:
        for number in range(1010):
            await search.put(
                ctx,
                entity_type="song",
                entity_id=uuid4(),
                title=f"Fugue {number}",
                audience=["members"],
                reread_by="things.reread",
            )

    async with house.floor.pool.connection():
        await perform(house.ctx(), put_all)
    await house.catch_up()
    seen, cursor = 0, None
    while True:
        answer = await house.find("fugue", limit=150, **({"cursor": cursor} if cursor else {}))
        seen += len(answer.items)
        if (cursor := answer.next_cursor) is None:
            break
    assert seen == 1000


async def test_a_cursor_of_another_question_or_engine_is_outdated(music: House) -> None:
    cursor = (await music.find("queen", limit=2)).next_cursor
    assert cursor
    with pytest.raises(search.CursorOutdated):
        await music.find("abba", cursor=cursor)
    with pytest.raises(search.CursorOutdated):
        await music.find("queen", type="song", cursor=cursor)


async def test_a_made_up_cursor_is_refused(music: House) -> None:
    for cursor in ("x", "AAAA", "eyJhIjoxfQ", "é"):
        with pytest.raises(Invalid):
            await music.find("queen", cursor=cursor)


async def test_an_entity_is_read_again_by_who_may_edit_it(
    house: House, context_of: ContextOf, admin: Person
) -> None:
    owner = Person(id=uuid4(), name="Owner", audiences=("public", "members"))
    other = msgspec.structs.replace(owner, id=uuid4())
    entity = await house.put("song", "Mine", editors=[f"user:{owner.id}"])
    secret = await house.put("song", "Hidden", audience=["user:1"])
    for person in (owner, admin):
        answer = await perform(context_of(person), search.index, entity_type="song", entity_id=entity)
        assert answer.status == "queued"
    with pytest.raises(Forbidden):
        await perform(context_of(other), search.index, entity_type="song", entity_id=entity)
    for missing in (secret, uuid4()):
        with pytest.raises(NotFound):
            await perform(context_of(other), search.index, entity_type="song", entity_id=missing)
    async with house.floor.pool.connection() as connection:
        jobs = await connection.fetch("select arguments from jobs where name = 'things.reread'")
    assert [job["arguments"] for job in jobs] == [{"entityId": str(entity)}] * 2 or [
        job["arguments"] for job in jobs
    ] == [{"entity_id": str(entity)}] * 2


async def test_many_who_learn_the_same_words_do_not_cross(house: House) -> None:
    await asyncio.gather(
        *(house.put("song", f"Common Words Zebra Apple {n % 3}", "Same Artist") for n in range(12))
    )
    await house.catch_up()
    assert len((await house.find("zebra")).items) == 12
