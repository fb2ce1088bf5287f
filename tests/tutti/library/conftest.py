"""What every test of the library may ask for."""

from uuid import uuid4

import msgspec
import pytest

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti.context import Person


@pytest.fixture
def shelf(context_of: ContextOf) -> Shelf:
    return Shelf(context_of)


@pytest.fixture
def guest(someone: Person) -> Person:
    """A stranger on somebody's player, who hears only what is public."""
    return msgspec.structs.replace(someone, id=uuid4(), role="guest", audiences=("public",))
