"""Players and items for tests, with nothing in them that the test does not say."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tutti.player.model.presence import QUIET, SILENCE
from tutti.player.model.reports import Report, Said
from tutti.player.model.state import Item, Output, Player
from tutti.player.model.window import Window

START = datetime(2026, 1, 31, 20, 15, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_item(title: str = "So What", *, seconds: float = 100, **members: Any) -> Item:
    return Item(item_id=uuid4(), song_id=uuid4(), title=title, duration_ms=round(seconds * 1000), **members)


def an_output(device_id: UUID | None = None, *, ready: bool = True, delay_ms: int = 0) -> Output:
    return Output(device_id=device_id or uuid4(), ready=ready, delay_ms=delay_ms)


def a_player(**members: Any) -> Player:
    """By default empty, silent and without a device, at START; its outputs have just been seen."""
    given: dict[str, Any] = {"id": uuid4(), "anchored_at": START, "updated_at": START, "read_at": START}
    counted_for = SILENCE if members.get("is_playing") else QUIET
    given["awaited"] = {each.device_id: START + counted_for for each in members.get("outputs", ())}
    return Player(**(given | members))


def playing(item: Item, **members: Any) -> Player:
    """Playing this item from its beginning since START on one device, which has just said so."""
    given: dict[str, Any] = {
        "item": item,
        "is_playing": True,
        "queue_length": 1,
        "outputs": (an_output(),),
        "output_seen_at": START,
        "heard_since": START,
    }
    return a_player(**(given | members))


def window_of(*items: Item, at: int = 0, unplayable: tuple[Item, ...] = ()) -> Window:
    """All of a short queue, around one of its items."""
    return Window(
        item=items[at],
        index=at,
        length=len(items),
        before=items[:at],
        after=items[at + 1 :],
        head=items,
        tail=items,
        unplayable=frozenset(item.song_id for item in unplayable),
    )


def said(player: Player, state: Said, position_ms: int = 0, device_id: UUID | None = None) -> Report:
    """What an output (the first unless told otherwise) says of the current item."""
    return Report(
        device_id=device_id or player.outputs[0].device_id,
        item_id=player.item.item_id if player.item else None,
        position_ms=position_ms,
        state=state,
        version=player.version,
    )
