"""From the form to the letter: register over HTTP, a worker sends it by SMTP, its link begins the account."""

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy

import pytest

from tests.running import Server, Worker, changed
from tests.tutti.test_mail import PostOffice, post_office
from tutti.settings import Settings

GIVEN = {"email": "clara@example.org", "password": "seven otters sing at dawn", "name": "Clara"}


@pytest.fixture
async def office() -> AsyncIterator[tuple[PostOffice, int]]:
    async with post_office() as opened:
        yield opened


@pytest.fixture
def settings(settings: Settings, office: tuple[PostOffice, int]) -> Settings:
    """This test's server and worker send their letters to the test's post office."""
    return changed(settings, smtp_url=f"smtp://127.0.0.1:{office[1]}")


async def test_a_letter_leaves_by_the_worker_and_its_link_begins_the_account(
    server: Server, worker: Worker, office: tuple[PostOffice, int]
) -> None:
    assert worker.worker.pid
    async with server.client() as client:
        async with client.post("auth/register", json=GIVEN) as answer:
            assert answer.status == 202
        letters = office[0].letters
        for _wait in range(300):
            if letters:
                break
            await asyncio.sleep(0.1)
        assert [letter.rcpt_tos for letter in letters] == [["clara@example.org"]]
        content = letters[0].content
        assert isinstance(content, bytes)
        token = re.search(r"token=([\w-]+)", message_from_bytes(content, policy=policy.default).get_content())
        assert token
        async with client.post("auth/confirm-email", json={"token": token[1]}) as answer:
            assert answer.status == 200
        signing_in = {"email": GIVEN["email"], "password": GIVEN["password"]}
        async with client.post("auth/login", json=signing_in) as answer:
            assert answer.status == 200
