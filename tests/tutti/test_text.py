"""Sentences and letters."""

from pathlib import Path

import pytest

from tutti import text
from tutti.identity.jobs import MAILS


def test_a_language_without_catalogue_reads_english() -> None:
    assert text.translate("Please sign in first.", "tlh") == "Please sign in first."
    assert text.translate("Please sign in first.", None) == "Please sign in first."


def test_a_region_falls_back_to_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "tutti.mo").write_bytes(
        _catalogue({"": "Content-Type: text/plain; charset=UTF-8\n", "Hello": "Hallo"})
    )
    monkeypatch.setattr(text, "LOCALES", tmp_path)
    text._catalogue.cache_clear()
    assert text.translate("Hello", "de-AT") == "Hallo"
    text._catalogue.cache_clear()


def test_a_subject_stays_one_line_whatever_a_value_brings(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("Hello {{ name }}\n\nText for {{ name }} <&>\n")
    made = text.letter(tmp_path, "hello", None, name="Eve\nBcc: all@example.org")
    assert made.subject == "Hello Eve Bcc: all@example.org"
    assert "<&>" in made.text


@pytest.mark.parametrize("template", sorted(path.stem for path in MAILS.glob("*.txt")))
def test_each_letter_of_identity_can_be_written(template: str) -> None:
    made = text.letter(
        MAILS,
        template,
        None,
        name="Clara",
        address="clara@example.org",
        link="https://tutti.example/a?token=b",
        server="https://tutti.example",
    )
    assert made.subject
    assert "{" not in made.subject + made.text
    assert "https://tutti.example" in made.text


def _catalogue(messages: dict[str, str]) -> bytes:
    """A .mo file (the format of GNU gettext), for the test."""
    keys = sorted(messages)
    ids = b"\0".join(key.encode() for key in keys) + b"\0"
    texts = b"\0".join(messages[key].encode() for key in keys) + b"\0"
    count, head = len(keys), 28
    ids_at, texts_at = head + 16 * count, head + 16 * count + len(ids)
    table = b""
    for start, parts in ((ids_at, keys), (texts_at, [messages[key] for key in keys])):
        for part in parts:
            size = len(part.encode())
            table += size.to_bytes(4, "little") + start.to_bytes(4, "little")
            start += size + 1  # noqa: PLW2901  # walks along the strings
    header = [0x950412DE, 0, count, head, head + 8 * count, 0, 0]
    return b"".join(number.to_bytes(4, "little") for number in header) + table + ids + texts
