from uuid import uuid4

import pytest

from tutti import event
from tutti.event import News, packed, together, unpacked

TOPIC = event.player(uuid4())


def news(name: str, key: str = "") -> bytes:
    return packed(News(TOPIC, name, {"name": "a\nb"}, 7, key), 7)


@pytest.mark.parametrize("names", [["player.state"], ["queue.changed", "player.state"]])
def test_what_is_packed_together_arrives_together_and_in_order(names: list[str]) -> None:
    heard = unpacked(TOPIC, together([news(name, "k") for name in names]))
    assert [(each.topic, each.event, each.version, each.key) for each in heard] == [
        (TOPIC, name, 7, "k") for name in names
    ]
    assert all(b'"a\\nb"' in each.text for each in heard)


@pytest.mark.parametrize(
    "torn", [b"", b"2\nplayer.state 7 \n{}\n", b"player.state\n{}", b"player.state x \n{}"]
)
def test_what_is_torn_is_refused(torn: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpacked(TOPIC, torn)
