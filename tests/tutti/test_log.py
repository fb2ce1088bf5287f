"""R42: nothing in the log opens a door."""

import json

import pytest
import structlog

from tutti.log import HIDDEN, redacted, set_up_log, without_secrets
from tutti.settings import Settings

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        f"got {JWT} from nowhere",
        "Authorization: Bearer abc.def",
        "tutti_rt_AZzYxWvUtSrQpO came back",
        "GET /auth/verify-email?next=/&token=AZzYxWvUt HTTP/1.1",
        "opened https://music.example/join/AZzYxWvUtSrQpOnMlKj",
        "postgresql://tutti:hunter22@db/tutti is away",
        "whsec_AZzYxWvUtSrQ",
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(text: str) -> None:
    for value in (
        without_secrets(text),
        without_secrets([text])[0],
        without_secrets({"error": ValueError(text)})["error"],
    ):
        assert HIDDEN in value
        for secret in (JWT, "abc.def", "AZzYxWvUt", "hunter22"):
            assert secret not in value


@pytest.mark.parametrize(
    "text",
    ["song.mp3 is ready", "tutti up", "http://127.0.0.1:8800/songs?q=token", "a_b_c", "sk_1", "/join/", ""],
)
def test_ordinary_words_stay(text: str) -> None:
    assert without_secrets(text) == text


def test_fields_are_hidden_by_their_name_at_any_depth() -> None:
    shown = redacted(
        None, "info", {"event": "x", "body": {"newPassword": "hunter22", "name": "Clara"}, "code": "123"}
    )
    assert shown == {"event": "x", "body": {"newPassword": HIDDEN, "name": "Clara"}, "code": HIDDEN}


def test_counts_are_no_secrets() -> None:
    assert redacted(None, "info", {"event": "x", "token_count": 3, "has_password": True})["token_count"] == 3


def test_a_session_is_recognisable_and_not_usable() -> None:
    one = redacted(None, "info", {"event": "x", "session_id": "018f"})
    assert one["session_id"] == redacted(None, "info", {"event": "y", "session_id": "018f"})["session_id"]
    assert one["session_id"] != "018f"


def test_a_stack_is_written_without_the_values_in_it_and_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = structlog.get_config()
    set_up_log(Settings(log_level="info"))
    try:
        _fail("hunter22hunter22\r\nforged line")
    finally:
        structlog.configure(**before)
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert json.loads(written)["exception"]
    assert "hunter22" not in written


def _fail(password: str) -> None:
    try:
        nothing: dict[int, str] = {}
        assert nothing[len(password)]
    except KeyError:
        structlog.get_logger().exception("failed")
