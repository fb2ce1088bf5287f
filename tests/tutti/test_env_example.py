"""The settings and the documents that show them say the same."""

import os
from pathlib import Path

import pytest

from tutti.__main__ import main, read_env_file
from tutti.settings import example

ROOT = Path(__file__).parents[2]


def test_the_printed_settings_are_those_in_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    assert capsys.readouterr().out == (ROOT / ".env.example").read_text(), (
        "Run: .venv/bin/python -m tutti settings > .env.example"
    )


def test_every_setting_says_what_it_is_for() -> None:
    for paragraph in example().strip().split("\n\n")[1:]:
        about, setting = paragraph.splitlines()
        assert len(about) > len("# …"), setting
        assert setting.startswith("#")
        assert "=" in setting


def test_a_file_of_settings_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.delenv("MAIL_FROM", raising=False)
    (tmp_path / ".env").write_text("# mine\n#HOST=x\nPORT=2\nMAIL_FROM='Tutti <a@b>'\n\n")
    read_env_file(tmp_path / ".env")
    assert os.environ["PORT"] == "1"
    assert os.environ["MAIL_FROM"] == "Tutti <a@b>"
    monkeypatch.delenv("MAIL_FROM")


def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "loud")
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("PORT='loud' cannot be used")
    assert said.count("\n") == 1
