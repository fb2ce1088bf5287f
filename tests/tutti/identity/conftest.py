"""A clock that the tests of identity move on."""

import dataclasses
from typing import Any

import pytest

from tests.running import changed
from tests.tutti.identity.people import SetClock
from tutti.context import Context, Floor, Person, SessionRef


@pytest.fixture
def clock(floor: Floor) -> SetClock:
    """The time of this test's contexts."""
    return SetClock(floor.clock)


@pytest.fixture
def at(floor: Floor, clock: SetClock) -> "At":
    """Contexts whose time is the test's clock, from an address of the test's choice."""
    return At(dataclasses.replace(floor, clock=clock))


class At:
    """Makes contexts at the clock's time."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor

    def set(self, **settings: Any) -> None:
        """Change settings for the contexts made from now on."""
        self.floor = dataclasses.replace(self.floor, settings=changed(self.floor.settings, **settings))

    def __call__(
        self,
        person: Person | None = None,
        session: SessionRef | None = None,
        *,
        address: str = "192.0.2.7",
        agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ) -> Context:
        return Context(
            self.floor,
            person=person,
            session=session,
            request_id="test",
            ip_address=address,
            user_agent=agent,
        )
