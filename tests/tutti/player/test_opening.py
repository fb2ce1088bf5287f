"""What a socket gets first, and what must not be told again and again."""

from typing import Any
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.command import perform
from tutti.context import Context, Floor


async def opening(remote: Remote) -> dict[str, Any]:
    """The greeting's messages by their method."""
    ctx = Context(remote.floor, person=remote.person, session=remote.session)
    return dict(await perform(ctx, player.opening))


async def test_the_list_of_devices_says_of_which_version_it_is(phone: Remote) -> None:
    """One that was read before a change, and arrives after the news of it, is told from a newer one."""
    await phone.device("Kitchen")
    for kind in ("tv", "phone"):
        await phone.device("Kitchen", kind=kind)
        told = await opening(phone)
        assert [device.kind for device in told["devices.changed"].devices] == [kind]
        assert told["devices.changed"].version == told["player.state"].version > 0


async def test_a_device_that_registers_as_it_is_raises_no_version(phone: Remote, floor: Floor) -> None:
    device_id = await phone.device("Kitchen")
    before = (await phone.do(player.get_player)).version
    for _ in range(3):
        assert await phone.device("Kitchen", device_id=device_id) == device_id
    assert (await phone.do(player.get_player)).version == before


@pytest.mark.parametrize("members", [{"kind": "tv"}, {"can_play": False}])
async def test_one_that_became_another_is_told(phone: Remote, members: dict[str, object]) -> None:
    device_id = await phone.device("Kitchen")
    before = (await phone.do(player.get_player)).version
    await phone.device("Kitchen", device_id=device_id, **members)
    assert (await phone.do(player.get_player)).version == before + 1


async def seen_before(floor: Floor, device_id: UUID, how: str) -> None:
    async with floor.pool.connection() as connection:
        await connection.execute(f"update devices set {how} where id = $1", device_id)


@pytest.mark.parametrize("how", ["left_at = now()", "last_seen_at = now() - interval '30 seconds'"])
async def test_one_that_was_away_is_told(phone: Remote, floor: Floor, how: str) -> None:
    """Whether an output is there to take up the music is read from when it was last seen."""
    device_id = await phone.device("Kitchen")
    await seen_before(floor, device_id, how)
    before = (await phone.do(player.get_player)).version
    await phone.device("Kitchen", device_id=device_id)
    assert (await phone.do(player.get_player)).version == before + 1
