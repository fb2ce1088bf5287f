"""Which commands have taken effect already."""

from uuid import UUID, uuid4

from tutti.player.model.seen import ENTRY, is_known, remembered


def test_as_many_as_are_to_be_kept_are_known() -> None:
    ids = [uuid4() for _ in range(20)]
    recent = b""
    for version, command_id in enumerate(ids):
        recent = remembered(recent, command_id, version, 8)
    assert len(recent) == 8 * ENTRY
    assert [is_known(recent, command_id) for command_id in ids] == [False] * 12 + [True] * 8


def test_an_id_is_not_found_across_two_others() -> None:
    one, other = UUID(int=0x0102030405060708090A0B0C0D0E0F10), UUID(int=0x1112131415161718191A1B1C1D1E1F20)
    recent = remembered(remembered(b"", one, 1, 8), other, 2, 8)
    between = UUID(bytes=recent[5:21])
    assert not is_known(recent, between)
    assert is_known(recent, other)
