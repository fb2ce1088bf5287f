"""How long each fault took to heal, printed at the end of the run."""

from typing import Any

import pytest

PREFIX = "measured "


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = [
        f"{name.removeprefix(PREFIX)}: {value}"
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in report.user_properties
        if name.startswith(PREFIX)
    ]
    if lines:
        terminalreporter.section("measured under faults")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture
def measured(record_property: Any) -> Any:
    """measured("F1 503 within s", 0.3) keeps a figure for the end of the run."""

    def keep(name: str, value: float | str) -> None:
        record_property(PREFIX + name, round(value, 3) if isinstance(value, float) else value)

    return keep
