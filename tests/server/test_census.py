import asyncio
from typing import cast
from uuid import uuid4

from server.census import Census
from server.socket import Socket


class Line:
    """A transport that nobody uses."""


def socket() -> Socket:
    return Socket(cast(asyncio.Transport, Line()), messages_allowed=1, bytes_allowed=1)


def test_a_socket_counts_as_a_stranger_until_it_has_signed_in_and_not_after_it_has_gone() -> None:
    census, each, person, session = Census(), socket(), uuid4(), uuid4()
    each.address = "192.0.2.7"
    census.note(each)
    assert census.strangers_from("192.0.2.7") == 1
    each.person_id, each.session_id = person, session
    census.note(each)
    counts = census.strangers_from("192.0.2.7"), census.of_person(person), census.of_session(session)
    assert counts == (0, 1, 1)
    census.forget(each)
    census.forget(each)
    assert (census.of_person(person), census.of_session(session)) == (0, 0)


def test_others_are_counted_apart() -> None:
    census, person = Census(), uuid4()
    for whose in (person, person, uuid4()):
        each = socket()
        each.person_id = whose
        census.note(each)
    assert census.of_person(person) == 2
