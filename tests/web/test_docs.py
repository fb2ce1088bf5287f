"""The pages about the contracts, without a browser."""

import re
from html import unescape

import pytest

from server.problems import DOCS, problem_members
from tests.running import Server
from tutti.errors import Problem
from tutti.schema import references
from tutti.slices import BODIES, COMMANDS
from tutti.wire import CLOSE_CODES, requests, spoken
from web.docs import chapters, kinds, pretty, refusals


async def html_of(server: Server, path: str) -> str:
    async with server.client() as stranger, stranger.get(f"{server.url}{path}") as answer:
        assert answer.status == 200
        return await answer.text()


def anchors(html: str) -> set[str]:
    return {unescape(found) for found in re.findall(r'\bid="([^"]+)"', html)}


async def test_every_command_has_its_place_with_its_sentence(server: Server) -> None:
    html = await html_of(server, "/docs")
    assert anchors(html) >= set(COMMANDS)
    told = {each.name: each for chapter in chapters() for each in chapter.commands}
    assert set(told) == set(COMMANDS)
    assert [each.name for each in told.values() if not each.doc.summary] == []


async def test_every_link_within_the_pages_leads_somewhere(server: Server) -> None:
    pages = {path: await html_of(server, path) for path in ("/docs", "/docs/socket", "/docs/problems")}
    for path, html in pages.items():
        for target, anchor in re.findall(r'href="(/docs[a-z/]*)?#([^"]+)"', html):
            assert unescape(anchor) in anchors(pages[target or path]), (path, target, anchor)


async def test_every_problem_has_its_anchor(server: Server) -> None:
    html = await html_of(server, DOCS)
    codes = {each.code for each in refusals()}
    assert {"invalid", "player_moved", "unknown_host", "wrong_credentials", "method_not_allowed"} <= codes
    assert anchors(html) >= codes


def test_the_type_of_a_problem_points_at_its_anchor() -> None:
    codes = {each.code for each in refusals()}

    def all_of(kind: type[Problem]) -> set[type[Problem]]:
        return {kind}.union(*(all_of(inner) for inner in kind.__subclasses__()))

    ours = {kind for kind in all_of(Problem) - {Problem} if not kind.__module__.startswith("tests")}
    for kind in ours:
        page, _hash, code = problem_members(kind(), instance="")["type"].partition("#")
        assert (page, code in codes) == (DOCS, True)


def test_a_sentence_shows_no_placeholder() -> None:
    assert [each.code for each in refusals() if "{" in each.sentence] == []


def test_no_two_problems_share_a_code() -> None:
    def all_of(kind: type[Problem]) -> list[type[Problem]]:
        return [kind, *(deeper for inner in kind.__subclasses__() for deeper in all_of(inner))]

    ours = {kind for kind in all_of(Problem) if not kind.__module__.startswith("tests")}
    codes = sorted(kind.code for kind in ours)
    assert codes == sorted(set(codes))


async def test_every_message_of_the_socket_is_shown_with_its_example(server: Server) -> None:
    html = await html_of(server, "/docs/socket")
    names = {each.name for each in requests(COMMANDS)} | set(spoken(BODIES))
    assert anchors(html) >= names
    text = unescape(html)
    assert [name for name in sorted(names) if f'"method": "{name}"' not in text] == []
    assert [code for code in CLOSE_CODES if f">{code}<" not in html] == []


async def test_what_is_tried_goes_out_with_our_own_files_only(server: Server) -> None:
    html = await html_of(server, "/docs/api")
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)
    async with server.client() as stranger:
        for name in ("swagger-ui.js", "swagger-ui.css"):
            async with stranger.get(f"{server.url}/vendor/{name}") as answer:
                assert answer.status == 200
                assert len(await answer.read()) > 100_000


@pytest.mark.parametrize("name", ["swagger-ui.js.map", "..%2fhtmx.js", "swagger-uixjs"])
async def test_nothing_else_of_the_package_is_served(server: Server, name: str) -> None:
    async with server.client() as stranger, stranger.get(f"{server.url}/vendor/{name}") as answer:
        assert answer.status == 404


def test_every_kind_that_is_named_is_explained() -> None:
    assert {"PlayerState", "Song", "Item"} <= {each.name for each in kinds()}
    assert not list(references([each._asdict() for each in kinds()]))


def test_text_that_is_no_json_is_shown_as_it_was_sent() -> None:
    assert pretty('{"jsonrpc": ') == '{"jsonrpc": '
    assert pretty({"ä": 1}) == '{\n  "ä": 1\n}'
