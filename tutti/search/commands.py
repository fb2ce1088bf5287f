"""Put, drop and find; nothing here knows what a song is."""

from collections.abc import Sequence
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from tutti.command import Accepted, command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Forbidden, NotFound
from tutti.search import engines, model, postgres
from tutti.search.jobs import copy_changes
from tutti.search.model import CursorOutdated, Hit, Indexing, Results, Suggestions, Wanted
from tutti.search.nearness import did_you_mean, suggested
from tutti.search.words import may_slip

sql = queries(__file__)

Question = Annotated[str, Meta(max_length=200)]
Kinds = Annotated[str, Meta(pattern="^[a-z]{1,20}(,[a-z]{1,20}){0,9}$")]


@command("GET /search", public=True)
async def find(
    ctx: Context,
    q: Question,
    type: Kinds | None = None,  # noqa: A002 — the seed's name
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    cursor: Annotated[str, Meta(max_length=1000)] | None = None,
) -> Results:
    """Find what this person may hear of; the last word may be unfinished.

    When nothing fits exactly, one slip in each longer word is forgiven and `didYouMean` says what was meant.
    """
    began = monotonic()
    question = model.wanted(q, ctx.audiences, type, limit)
    start = model.read_cursor(cursor, question) if cursor else None
    if start:
        left = model.MAX_DEPTH - start.seen
        question = msgspec.structs.replace(
            question, slips=start.slips, after=start.after, limit=max(0, min(limit, left))
        )
    answer = await engines.ask(ctx, lambda engine: _page(ctx, engine, question, start))
    hits, asked, seen = answer.value
    return Results(
        items=[model.result(hit, question.typed) for hit in hits],
        next_cursor=model.cursor_of(asked, answer.backend, seen, hits[-1]) if len(hits) == limit else None,
        did_you_mean=did_you_mean(question.typed, hits) if asked.slips else None,
        took_ms=round((monotonic() - began) * 1000),
        backend=answer.backend,
        degraded=answer.degraded,
    )


@command("GET /search/suggestions", public=True)
async def suggestions(ctx: Context, q: Question, limit: Annotated[int, Meta(ge=1, le=20)] = 8) -> Suggestions:
    """What somebody who typed this much may want; asked at each key press."""
    began = monotonic()
    question = model.wanted(q, ctx.audiences, None, limit)
    answer = await engines.ask(ctx, lambda engine: _suggested(ctx, engine, question))
    return Suggestions(
        items=[model.result(hit, question.typed) for hit in answer.value],
        took_ms=round((monotonic() - began) * 1000),
        backend=answer.backend,
        degraded=answer.degraded,
    )


@command("POST /search/index")
async def index(
    ctx: Context, entity_type: Annotated[str, Meta(pattern="^[a-z]{1,20}$")], entity_id: UUID
) -> Accepted[Indexing]:
    """Have an entity read again; for administrators and whoever may edit it. Takes no content."""
    is_admin = ctx.me.role == "admin"
    entry = await ctx.db.one(
        sql.entry_for_asker,
        Entry,
        entity_type=entity_type,
        entity_id=entity_id,
        audiences=ctx.audiences,
        is_admin=is_admin,
    )
    if entry is None:
        raise NotFound
    if not is_admin and f"user:{ctx.me.id}" not in entry.editors:
        raise Forbidden
    ctx.enqueue(entry.reread_by, entity_id=entity_id)
    return Indexing(entity_type=entity_type, entity_id=str(entity_id))


class Entry(msgspec.Struct, frozen=True):
    """Who may have it read again, and by which job."""

    reread_by: str
    editors: list[str]


async def put(
    ctx: Context,
    *,
    entity_type: str,
    entity_id: UUID,
    title: str,
    subtitle: str = "",
    content: str = "",
    audience: Sequence[str],
    metadata: dict[str, Any] | None = None,
    reread_by: str,
    editors: Sequence[str] = (),
) -> None:
    """Make an entity findable, in the commit of the change it shows.

    `reread_by` names the job (with one argument, `entity_id`) that reads it again; `editors` lists who may
    ask for that ("user:<id>"). `metadata` is kept as it is; `coverUrl` in it is shown with the result.
    """
    await postgres.learn(ctx, model.vocabulary(title, subtitle, content))
    version = await ctx.db.value(
        sql.put_entry,
        id=ctx.new_id(),
        entity_type=entity_type,
        entity_id=entity_id,
        title=title,
        subtitle=subtitle,
        content=content,
        metadata=metadata or {},
        audience=list(audience),
        editors=list(editors),
        reread_by=reread_by,
        folded=model.folded_title(title),
        words=model.vector(title, subtitle, content),
    )
    await _note(ctx, entity_type, entity_id, version)


async def drop(ctx: Context, entity_type: str, entity_id: UUID) -> None:
    """Nobody finds it any more. Dropping what is not there changes nothing."""
    version = await ctx.db.value(sql.drop_entry, entity_type=entity_type, entity_id=entity_id)
    if version is not None:
        await _note(ctx, entity_type, entity_id, version)


async def _note(ctx: Context, entity_type: str, entity_id: UUID, version: int) -> None:
    """Have Elasticsearch hear of it, where there is one."""
    if ctx.settings.elasticsearch_url:
        await ctx.db.run(sql.note_change, entity_type=entity_type, entity_id=entity_id, version=version)
        ctx.enqueue(copy_changes)


async def _page(
    ctx: Context, engine: engines.Engine, question: Wanted, start: model.Cursor | None
) -> tuple[list[Hit], Wanted, int]:
    """Hits, the question that found them, and how many have been seen with them."""
    if start and start.backend != engine.name:
        raise CursorOutdated
    if not question.typed or not question.limit:
        return [], question, 0
    hits = await engine.find(ctx, question)
    if not hits and start is None and any(map(may_slip, question.typed)):
        question = msgspec.structs.replace(question, slips=True)
        hits = await engine.find(ctx, question)
    return hits, question, len(hits) + (start.seen if start else 0)


async def _suggested(ctx: Context, engine: engines.Engine, question: Wanted) -> list[Hit]:
    """What fits exactly; places that are left go to what fits with a slip."""
    if not question.typed:
        return []
    best = suggested(question.typed, await engine.suggest(ctx, question), question.limit)
    if len(best) < question.limit and any(map(may_slip, question.typed)):
        more = await engine.suggest(ctx, msgspec.structs.replace(question, slips=True))
        best = suggested(question.typed, [*best, *more], question.limit)
    return best
