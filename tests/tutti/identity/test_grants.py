"""Rights are rows."""

from uuid import uuid4

from tests.conftest import ContextOf
from tests.tutti.identity.people import refusal
from tutti import identity
from tutti.command import perform
from tutti.context import Person
from tutti.errors import SignInNeeded


async def test_a_right_is_there_from_grant_to_ungrant(context_of: ContextOf, someone: Person) -> None:
    resource, subject = identity.player_resource(uuid4()), identity.user_subject(someone.id)
    assert not await perform(context_of(someone), identity.allowed, resource=resource, right="see")
    for _twice in range(2):
        await perform(context_of(someone), identity.grant, subject=subject, resource=resource, right="see")
    assert await perform(context_of(someone), identity.allowed, resource=resource, right="see")
    assert not await perform(context_of(someone), identity.allowed, resource=resource, right="control")
    for _twice in range(2):
        await perform(context_of(someone), identity.ungrant, subject=subject, resource=resource, right="see")
    assert not await perform(context_of(someone), identity.allowed, resource=resource, right="see")


async def test_a_right_is_its_subjects_alone(
    context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    resource = identity.player_resource(uuid4())
    await perform(
        context_of(someone),
        identity.grant,
        subject=identity.user_subject(someone.id),
        resource=resource,
        right="see",
    )
    assert not await perform(context_of(someone_else), identity.allowed, resource=resource, right="see")
    async with refusal(SignInNeeded):
        await perform(context_of(), identity.allowed, resource=resource, right="see")
