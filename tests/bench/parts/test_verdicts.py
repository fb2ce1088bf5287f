"""A bench says which of its limits it met, and its exit code says whether it met them all."""

import pytest

from bench.parts.verdicts import at_least, at_most, exit_code, judged

P99 = at_most("p99", 25, "ms")
RATIO = at_least("ratio", 0.6)


@pytest.mark.parametrize(
    ("p99", "ratio", "words", "code"),
    [
        (4.0, 0.75, ["met", "met"], 0),
        (25.0, 0.6, ["met", "met"], 0),
        (25.1, 0.75, ["MISSED", "met"], 1),
        (4.0, 0.59, ["met", "MISSED"], 1),
        (float("nan"), float("nan"), ["MISSED", "MISSED"], 1),
    ],
)
def test_each_limit_gets_a_line_and_one_that_is_missed_decides(
    p99: float, ratio: float, words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(judged((P99, p99)), judged((RATIO, ratio))) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == words
    assert "wanted ≤ 25 ms" in lines[0]
    assert "wanted ≥ 0.6" in lines[1]


def test_lines_of_one_table_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    judged((P99, 4.0), (RATIO, 0.75))
    first, second = capsys.readouterr().out.splitlines()
    assert first.index("wanted") == second.index("wanted")
