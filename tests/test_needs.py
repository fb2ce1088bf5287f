"""A missing part is skipped loudly at home, and fails where nothing may be left out."""

import pytest

from tests.needs import lacking


def test_at_home_a_missing_part_is_a_skip_that_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT TESTED: Chromium is missing: apt install chromium"):
        lacking("Chromium", "apt install chromium")


def test_with_ci_a_missing_part_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Chromium is missing"):
        lacking("Chromium", "apt install chromium")
