"""Send a letter: over SMTP when SMTP_URL is set, else into DATA_DIR/mail, where the operator finds it.

`smtp://user:password@host:587` uses STARTTLS when the server offers it and insists on it when there is a
password to protect; `smtps://host:465` speaks TLS from the first byte. A letter leaves at most once per call;
what happens after a failure is the calling job's decision.
"""

import asyncio
import os
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid, parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

import aiosmtplib
import structlog

from tutti.settings import BadSetting, Settings
from tutti.text import Letter

TIMEOUT_S: Final = 20
log = structlog.get_logger()


class Refused(Exception):
    """The other side will never take this letter (5xx): trying again would only annoy."""


class Delayed(Exception):
    """The other side cannot take it now (4xx, no answer, no connection): try again later."""


async def send(settings: Settings, letter: Letter, *, to: str, letter_id: UUID) -> None:
    """Hand one letter over. Raises Refused or Delayed; `letter_id` makes a repeated letter recognisable."""
    message = written(settings, letter, to=to, letter_id=letter_id)
    if settings.smtp_url:
        await _over_smtp(settings.smtp_url, message)
    else:
        await asyncio.to_thread(_into_folder, settings.data / "mail", message, letter_id)


def written(settings: Settings, letter: Letter, *, to: str, letter_id: UUID) -> EmailMessage:
    """The letter with its headers. Addresses and subject cannot start a header of their own."""
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(localtime())
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    message["Message-ID"] = make_msgid(str(letter_id), domain)
    # Answering machines leave letters with this header alone (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # Links stay whole lines, so that they can be copied out of the file too; a server that takes only seven
    # bits gets the letter re-encoded by the library.
    message.set_content(letter.text, cte="7bit" if letter.text.isascii() else "8bit")
    return message


async def _over_smtp(url: str, message: EmailMessage) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadSetting("SMTP_URL must look like smtp://user:password@host:587 or smtps://host:465.")
    try:
        await _deliver(parts, message)
    except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
        code = _worst_code(error)
        kind = (
            Refused
            if 500 <= code < 600 and not isinstance(error, aiosmtplib.SMTPAuthenticationError)
            else Delayed
        )
        raise kind(f"{code} {_first_line(error)}") from error
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise Delayed(_first_line(error)) from error


async def _deliver(parts: SplitResult, message: EmailMessage) -> None:
    password = unquote(parts.password) if parts.password else None
    at_once = parts.scheme == "smtps"
    client = aiosmtplib.SMTP(
        hostname=parts.hostname,
        port=parts.port or (465 if at_once else 587 if password else 25),
        use_tls=at_once,
        # None: if offered. A password never travels in the clear, but for this machine's own loopback.
        start_tls=False if at_once else (True if password and not _is_loopback(parts.hostname) else None),
        timeout=TIMEOUT_S,
    )
    async with client:
        if parts.username and password:
            await client.login(unquote(parts.username), password)
        await client.send_message(message)


def _is_loopback(host: str | None) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def _worst_code(error: Exception) -> int:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return max((refused.code for refused in error.recipients), default=550)
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _into_folder(folder: Path, message: EmailMessage, letter_id: UUID) -> None:
    """One .eml per letter, readable by the server's own user only: letters hold links that sign people in."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{letter_id}.eml"
    draft = file.with_suffix(".part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(bytes(message))
    draft.replace(file)
    log.info("no SMTP_URL: the letter waits in a file", file=str(file), subject=message["Subject"])
