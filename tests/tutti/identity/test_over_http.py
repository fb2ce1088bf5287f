"""Identity as API clients see it: statuses, members, problems (protocol §1, §2)."""

from typing import Any

import aiohttp

from tests.conftest import ContextOf
from tests.running import Server
from tests.tutti.identity.people import OTHER_PASSWORD, PASSWORD, account
from tutti.context import Person

EMAIL = "clara@example.org"


async def post(client: aiohttp.ClientSession, path: str, body: Any = None) -> tuple[int, Any, Any]:
    """(status, JSON, headers)."""
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_from_signing_in_to_signing_out(server: Server, context_of: ContextOf) -> None:
    await account(context_of())
    async with server.client() as client:
        status, opened, headers = await post(client, "auth/login", {"email": EMAIL, "password": PASSWORD})
        assert status == 200
        assert set(opened) == {"accessToken", "expiresIn", "refreshToken", "user"}
        assert "Set-Cookie" not in headers
        client.headers["Authorization"] = f"Bearer {opened['accessToken']}"
        async with client.get("auth/sessions") as answer:
            [session] = (await answer.json())["items"]
        assert set(session) == {
            "id",
            "deviceInfo",
            "ipAddress",
            "userAgent",
            "lastActivity",
            "createdAt",
            "kind",
            "current",
        }
        assert session["current"] is True
        assert set(session["deviceInfo"]) == {"browser", "os", "kind"}
        status, pair, _headers = await post(client, "auth/refresh", {"refreshToken": opened["refreshToken"]})
        assert status == 200
        assert set(pair) == {"accessToken", "expiresIn", "refreshToken"}
        status, ticket, _headers = await post(client, "auth/socket-ticket")
        assert (status, set(ticket), ticket["expiresIn"]) == (200, {"ticket", "expiresIn"}, 30)
        status, _body, _headers = await post(client, "auth/logout")
        assert status == 204
        status, problem, headers = await post(client, "auth/logout")
        assert (status, problem["status"]) == (401, 401)
        assert "WWW-Authenticate" in headers


async def test_a_refusal_is_a_problem_that_helps(server: Server, context_of: ContextOf) -> None:
    await account(context_of())
    async with server.client() as client:
        wrong = await post(client, "auth/login", {"email": EMAIL, "password": "wrong"})
        unknown = await post(client, "auth/login", {"email": "nobody@example.org", "password": "wrong"})
        assert wrong[0] == unknown[0] == 401
        assert wrong[2]["Content-Type"].startswith("application/problem+json")
        differing = {"instance"}
        assert {key: value for key, value in wrong[1].items() if key not in differing} == {
            key: value for key, value in unknown[1].items() if key not in differing
        }
        status, problem, _headers = await post(
            client, "auth/register", {"email": EMAIL, "password": "short", "name": "Clara"}
        )
        assert status == 400
        assert problem["errors"][0]["pointer"] == "/password"
        status, problem, _headers = await post(
            client, "auth/login", {"email": EMAIL, "password": PASSWORD, "remember": True}
        )
        assert status == 400
        assert problem["errors"][0]["pointer"] == "/remember"


async def test_registering_is_accepted_whoever_asks(server: Server, context_of: ContextOf) -> None:
    await account(context_of())
    async with server.client() as client:
        answers = [
            await post(client, "auth/register", {"email": email, "password": OTHER_PASSWORD, "name": "Clara"})
            for email in (EMAIL, "other@example.org")
        ]
    assert [status for status, _body, _headers in answers] == [202, 202]
    assert [set(body) for _status, body, _headers in answers] == [{"email", "expiresIn"}] * 2


async def test_the_path_without_version_answers_the_same_and_says_it_is_old(
    server: Server, context_of: ContextOf
) -> None:
    await account(context_of())
    async with aiohttp.ClientSession(f"{server.url}/api/") as client:
        status, opened, headers = await post(client, "auth/login", {"email": EMAIL, "password": PASSWORD})
        assert status == 200
        assert headers["Deprecation"].startswith("@")
        status, _pair, headers = await post(client, "auth/refresh", {"refreshToken": opened["refreshToken"]})
        assert (status, "successor-version" in headers["Link"]) == (200, True)


async def test_an_ended_session_stops_on_the_other_server_too(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    one, other = two_servers
    victim = await one.bearer(someone)
    async with (
        one.client(someone) as client,
        aiohttp.ClientSession(f"{other.api}/", headers=victim) as stolen,
    ):
        async with stolen.get("auth/sessions") as answer:
            assert answer.status == 200
            items = (await answer.json())["items"]
        session_id = next(each["id"] for each in items if each["current"])
        async with client.delete(f"auth/sessions/{session_id}") as answer:
            assert answer.status == 204
        async with stolen.get("auth/sessions") as answer:
            assert answer.status == 401
