"""A player and what of it is written."""

from tests.tutti.player.builders import a_player, after, an_item, an_output, playing
from tutti.player.model.state import COURSE, Player, only_course_differs, state_of, told_apart
from tutti.player.turn import sql


def test_the_short_way_of_saving_writes_exactly_what_may_differ() -> None:
    assert set(sql.save_courses.parameters) - {"id", "row_mark"} == set(COURSE)


def test_the_long_way_writes_all_but_whose_it_is() -> None:
    written = set(sql.save_player.parameters) - {"command_id"}
    assert written == set(Player.__struct_fields__) - {"user_id", "read_at", "was_done"}


def test_a_change_of_anything_else_is_no_mere_change_of_the_course() -> None:
    before = playing(an_item())
    assert only_course_differs(before, a_player_like(before, volume=0.5, is_playing=False, version=9))
    for name, value in {"item": an_item(), "repeat_mode": "all", "outputs": (an_output(),)}.items():
        assert not only_course_differs(before, a_player_like(before, **{name: value}))


def test_a_newer_sign_of_life_is_not_told() -> None:
    before = playing(an_item())
    signs = {"output_seen_at": after(5), "heard_since": after(5), "awaited": {}}
    assert not told_apart(before, a_player_like(before, **signs))
    assert told_apart(before, a_player_like(before, muted=True))


def test_what_travels_keeps_the_rest_at_home() -> None:
    travelling = set(state_of(a_player()).__struct_fields__)
    at_home = {"hearing", "failures", "awaited", "heard_since", "recent_commands", "user_id", "read_at"}
    assert not travelling & at_home


def a_player_like(player: Player, **members: object) -> Player:
    return Player(**({name: getattr(player, name) for name in Player.__struct_fields__} | members))
