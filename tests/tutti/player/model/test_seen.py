"""Which commands have taken effect already."""

from uuid import UUID, uuid4

from tutti.player.model.seen import ENTRY, KEPT, remembered, version_of


def test_the_last_sixty_four_are_known_with_their_versions() -> None:
    ids = [uuid4() for _ in range(KEPT + 10)]
    recent = b""
    for version, command_id in enumerate(ids):
        recent = remembered(recent, command_id, version)
    assert len(recent) == KEPT * ENTRY
    assert [version_of(recent, command_id) for command_id in ids] == [None] * 10 + list(range(10, KEPT + 10))


def test_an_id_is_not_found_across_two_others() -> None:
    one, other = UUID(int=0x0102030405060708090A0B0C0D0E0F10), UUID(int=0x1112131415161718191A1B1C1D1E1F20)
    recent = remembered(remembered(b"", one, 1), other, 2)
    between = UUID(bytes=recent[5:21])
    assert version_of(recent, between) is None
