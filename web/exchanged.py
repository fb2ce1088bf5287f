"""Messages that a test really exchanged with a server over a socket: docs/socket_examples.json.

The test that records them compares them with the file, so an example cannot grow old. Ids and times are
replaced by made-up ones that stay the same from run to run.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

FILE: Final = Path(__file__).parent.parent / "docs" / "socket_examples.json"


class Exchanged(msgspec.Struct, frozen=True):
    """What went over the socket."""

    requests: dict[str, dict[str, Any]] = {}
    """By method: `request` and `answer`, two frames."""
    news: dict[str, dict[str, Any]] = {}
    """By event: one frame."""
    refusals: list[dict[str, Any]] = []
    """`request` (a frame, or the text that was sent) and `answer`."""


@cache
def exchanged() -> Exchanged:
    """The examples as they are committed; none when the file is not there."""
    return msgspec.json.decode(FILE.read_bytes(), type=Exchanged) if FILE.exists() else Exchanged()
