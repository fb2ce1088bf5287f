"""Places between places."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tutti.player.model import ranks

RANK = st.floats(-1e6, 1e6)
COUNT = st.integers(1, 50)


@given(RANK, RANK, COUNT)
def test_ranks_in_a_gap_lie_in_order_within_it(one: float, other: float, count: int) -> None:
    low, high = sorted((one, other))
    found = ranks.between(low, high, count)
    if found is not None:
        assert all(a < b for a, b in pairwise([low, *found, high]))
        assert len(found) == count


@given(RANK, COUNT)
def test_there_is_always_room_at_either_end(rank: float, count: int) -> None:
    behind, before = ranks.behind(rank, count), ranks.before(rank, count)
    assert all(a < b for a, b in pairwise([*before, rank, *behind]))


def test_halving_one_gap_ends_with_a_wish_for_more_room_and_not_with_equal_ranks() -> None:
    low, high, steps = 1.0, 2.0, 0
    while (found := ranks.between(low, high, 1)) is not None:
        assert low < found[0] < high
        high, steps = found[0], steps + 1
    assert steps > 40


@given(RANK, st.floats(0, 1e4), COUNT, st.binary(min_size=8, max_size=8))
def test_songs_are_mixed_in_behind_the_current_one(
    current: float, ahead: float, count: int, seed: bytes
) -> None:
    found = ranks.scattered(current, current + ahead, count, seed)
    assert all(current < rank <= current + ahead + 1 for rank in found)
    assert found == ranks.scattered(current, current + ahead, count, seed)
