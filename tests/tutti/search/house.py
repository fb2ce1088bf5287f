"""An index for tests, filled as slices fill it and asked as people ask it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from tutti import search
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.search.copies import copy_of
from tutti.search.elastic import Elastic
from tutti.search.model import Results, Suggestions


class House:
    """A filled index and a way to ask it."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor

    def ctx(self, audiences: Sequence[str] = ("public", "members")) -> Context:
        return Context(self.floor, person=Person(id=uuid4(), name="Asker", audiences=tuple(audiences)))

    @property
    def elastic(self) -> Elastic | None:
        there = copy_of(self.ctx())
        return there.elastic if there else None

    async def put(
        self,
        kind: str,
        title: str,
        subtitle: str = "",
        content: str = "",
        *,
        audience: Sequence[str] = ("members",),
        entity_id: UUID | None = None,
        **more: Any,
    ) -> UUID:
        entity = entity_id or uuid4()
        await perform(
            self.ctx(),
            _put,
            kind=kind,
            entity_id=entity,
            texts=(title, subtitle, content),
            audience=audience,
            more=more,
        )
        return entity

    async def catch_up(self) -> None:
        """What the worker and a second of patience do."""
        await perform(self.ctx(), search.copy_changes)
        if self.elastic:
            await self.elastic.refresh()

    async def drop(self, kind: str, entity_id: UUID) -> None:
        await perform(self.ctx(), _drop, kind=kind, entity_id=entity_id)

    async def look_anew(self) -> None:
        """Forget what this process knows of the copy's state, as time does."""
        await self.floor.kept.pop("search").aclose()

    async def clean(self) -> None:
        """Delete the copy."""
        if self.elastic:
            await self.elastic._client.indices.delete(index=f"{self.elastic.alias}-*")

    async def find(self, q: str, **more: Any) -> Results:
        return await perform(self.ctx(more.pop("audiences", ("members",))), search.find, q=q, **more)

    async def suggest(self, q: str, **more: Any) -> Suggestions:
        return await perform(self.ctx(more.pop("audiences", ("members",))), search.suggestions, q=q, **more)


async def _put(
    ctx: Context,
    *,
    kind: str,
    entity_id: UUID,
    texts: tuple[str, str, str],
    audience: Sequence[str],
    more: dict[str, Any],
) -> None:
    title, subtitle, content = texts
    await search.put(
        ctx,
        entity_type=kind,
        entity_id=entity_id,
        title=title,
        subtitle=subtitle,
        content=content,
        audience=audience,
        reread_by="things.reread",
        **more,
    )


async def _drop(ctx: Context, kind: str, entity_id: UUID) -> None:
    await search.drop(ctx, kind, entity_id)
