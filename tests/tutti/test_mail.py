"""F11: letters over a real SMTP server, or into a folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.ports import free_port
from tests.running import changed
from tutti import mail
from tutti.settings import BadSetting, Settings
from tutti.text import Letter

LETTER = Letter(subject="Grüße aus Tutti", text="Hallo Clara,\n\nhttps://tutti.example/a?token=b\n")


class PostOffice:
    """A real SMTP server that answers as told and keeps what it accepted."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"
        self.users: list[bytes] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            self.letters.append(envelope)
        return self.data_answer

    def admit(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.users.append(given.login)
        right = given.password == b"p@ss word"
        return AuthResult(success=right, handled=right)


@asynccontextmanager
async def post_office(*, auth_require_tls: bool = True) -> AsyncIterator[tuple[PostOffice, int]]:
    office, port = PostOffice(), free_port()
    controller = Controller(
        office, hostname="127.0.0.1", port=port, authenticator=office.admit, auth_require_tls=auth_require_tls
    )
    controller.start()
    try:
        yield office, port
    finally:
        controller.stop()


def written_for(tmp_path: Path, smtp_url: str = "") -> Settings:
    return Settings(data_dir=str(tmp_path), smtp_url=smtp_url, mail_from="Tutti <tutti@music.example>")


async def test_a_letter_arrives_whole(tmp_path: Path) -> None:
    letter_id = uuid4()
    async with post_office() as (office, port):
        await mail.send(
            written_for(tmp_path, f"smtp://127.0.0.1:{port}"),
            LETTER,
            to="clara@example.org",
            letter_id=letter_id,
        )
    [envelope] = office.letters
    assert envelope.rcpt_tos == ["clara@example.org"]
    assert envelope.mail_from == "tutti@music.example"
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "Grüße aus Tutti"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(letter_id) in message["Message-ID"]
    assert "https://tutti.example/a?token=b" in message.get_content()


async def test_a_password_in_the_address_signs_in(tmp_path: Path) -> None:
    async with post_office(auth_require_tls=False) as (office, port):
        url = f"smtp://tutti:p%40ss%20word@127.0.0.1:{port}"
        await mail.send(written_for(tmp_path, url), LETTER, to="clara@example.org", letter_id=uuid4())
    assert office.users == [b"tutti"]
    assert len(office.letters) == 1


async def test_a_wrong_password_is_a_matter_of_settings_and_tried_again(tmp_path: Path) -> None:
    async with post_office(auth_require_tls=False) as (_office, port):
        settings = written_for(tmp_path, f"smtp://tutti:wrong@127.0.0.1:{port}")
        with pytest.raises(mail.Delayed):
            await mail.send(settings, LETTER, to="clara@example.org", letter_id=uuid4())


@pytest.mark.parametrize(
    ("recipient", "data", "expected"),
    [
        ("550 no such person", "250 OK", mail.Refused),
        ("250 OK", "554 we do not like it", mail.Refused),
        ("451 come back later", "250 OK", mail.Delayed),
        ("250 OK", "421 too busy", mail.Delayed),
    ],
)
async def test_the_answer_decides_whether_to_try_again(
    recipient: str, data: str, expected: type[Exception], tmp_path: Path
) -> None:
    async with post_office() as (office, port):
        office.recipient_answer, office.data_answer = recipient, data
        settings = written_for(tmp_path, f"smtp://127.0.0.1:{port}")
        with pytest.raises(expected):
            await mail.send(settings, LETTER, to="clara@example.org", letter_id=uuid4())
        assert office.letters == []


async def test_nobody_at_home_is_a_delay(tmp_path: Path) -> None:
    with pytest.raises(mail.Delayed):
        await mail.send(
            written_for(tmp_path, f"smtp://127.0.0.1:{free_port()}"),
            LETTER,
            to="clara@example.org",
            letter_id=uuid4(),
        )


async def test_an_address_that_is_none_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="SMTP_URL"):
        await mail.send(
            written_for(tmp_path, "https://mail.example"), LETTER, to="clara@example.org", letter_id=uuid4()
        )


async def test_without_smtp_the_letter_waits_in_a_folder_only_we_can_read(tmp_path: Path) -> None:
    letter_id = uuid4()
    settings = changed(written_for(tmp_path))
    for _twice in range(2):
        await mail.send(settings, LETTER, to="clara@example.org", letter_id=letter_id)
    [file] = (tmp_path / "mail").iterdir()
    assert file.name == f"{letter_id}.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert b"https://tutti.example/a?token=b" in file.read_bytes()
