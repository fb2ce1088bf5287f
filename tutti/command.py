"""What someone asks now: a command is a tagged function; HTTP and the socket are both made from it."""

import re
from collections.abc import Awaitable, Callable
from inspect import Parameter, getsourcefile, getsourcelines, isfunction, signature
from types import ModuleType
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import asyncpg

from tutti.context import Context
from tutti.errors import Conflict, Problem
from tutti.record import Record, RecordType

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

Created = Annotated[T, 201]
"""The command made something new: HTTP answers 201."""
Accepted = Annotated[T, 202]
"""The command's effect comes later: HTTP answers 202."""

TRIES = 3


class Overtaken(Exception):
    """What this command read was changed before it could write; the edge runs it again."""


_RETRIED = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # a migration changed the table; the old plan is forgotten
    Overtaken,
)


class Command(NamedTuple):
    """A command as `server/` sees it."""

    name: str
    """As the socket calls it: "player.pause"."""
    function: Callable[..., Awaitable[Any]]
    verb: str | None
    path: str | None
    """Below /api/v1, with {camelCase} placeholders; None when there is no route."""
    public: bool
    """Callable without sign-in, and therefore not on the socket; `wire.is_spoken` names the exceptions."""
    parameters: type[Record]
    returns: Any
    status: int

    @property
    def place(self) -> str:
        """file:line, for the table that `make routes` prints."""
        path = getsourcefile(self.function) or "?"
        return f"{path[path.rindex('/tutti/') + 1 :]}:{getsourcelines(self.function)[1]}"


class CrossedTooOften(Conflict):
    """Deadlock or serialization failure three times in a row (F4)."""

    sentence = "Too many people changed this at once; please try again."


def command(route: str | None = None, *, public: bool = False) -> Callable[[F], F]:
    """Tag a function as a command, with or without a route ("POST /player/pause")."""

    def tag(function: F) -> F:
        function.__tutti_command__ = (route, public)  # type: ignore[attr-defined]  # a tag, read by collect
        return function

    return tag


def collect(*slices: ModuleType) -> dict[str, Command]:
    """Every command on the faces of these slices, by name; raises ValueError when two share one."""
    found: dict[str, Command] = {}
    for function in (value for face in slices for value in vars(face).values()):
        if isfunction(function) and hasattr(function, "__tutti_command__"):
            made = described(function)
            if made.name in found and found[made.name].function is not function:
                raise ValueError(f"Two commands are called {made.name}.")
            found[made.name] = made
    return found


def described(function: Callable[..., Awaitable[Any]]) -> Command:
    """Read a command's name, route, parameters and status from the function itself."""
    route, public = function.__tutti_command__  # type: ignore[attr-defined]  # set by command()
    verb, _, path = (route or "").partition(" ")
    hints = get_type_hints(function, include_extras=True)
    returns, status = _answer(hints.pop("return"))
    return Command(
        _name(function),
        function,
        verb or None,
        path or None,
        public,
        _parameters(function, hints),
        returns,
        status,
    )


async def perform(ctx: Context, function: Callable[..., Awaitable[T]], /, **parameters: Any) -> T:
    """The edge of every command: one transaction, announcements after its commit.

    Runs the function again after a deadlock or a serialization failure, three times at most and only when
    nothing of it was committed. A Problem that is returned is committed first and then raised.
    """
    ctx.has_committed = False  # what earlier functions committed in this context is no part of this one
    for attempt in range(1, TRIES + 1):
        ctx.attempt = attempt
        try:
            answer = await function(ctx, **parameters)
            await ctx.commit()
        except _RETRIED:
            await ctx.roll_back()
            if ctx.has_committed or attempt == TRIES:
                raise CrossedTooOften(retry_after=1) from None
        except BaseException:
            await ctx.roll_back()
            raise
        else:
            if isinstance(answer, Problem):
                raise answer
            return answer
    raise AssertionError("unreachable")


def camel(name: str) -> str:
    """snake_case → camelCase."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _name(function: Callable[..., Any]) -> str:
    noun = function.__globals__.get("NOUN") or function.__module__.split(".")[1]
    return f"{noun}.{camel(function.__name__)}"


def _answer(hint: Any) -> tuple[Any, int]:
    """The type inside and the status that the annotation says; Problems in a union are not answers."""
    members = [
        member for member in (get_args(hint) if _is_union(hint) else (hint,)) if not _is_problem(member)
    ]
    inner = members[0] if len(members) == 1 else hint
    if get_origin(inner) is Annotated:
        kind, status = get_args(inner)[:2]
        return kind, status
    return inner, 204 if inner is type(None) or inner is None else 200


def _is_union(hint: Any) -> bool:
    return repr(get_origin(hint)) in ("typing.Union", "<class 'types.UnionType'>", "<class 'typing.Union'>")


def _is_problem(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Problem)


def _parameters(function: Callable[..., Any], hints: dict[str, Any]) -> type[Record]:
    """A Record with one field per parameter after `ctx`."""
    _ctx, *parameters = signature(function).parameters.values()
    members: dict[str, Any] = {
        each.name: each.default for each in parameters if each.default is not Parameter.empty
    }
    members["__annotations__"] = {each.name: hints[each.name] for each in parameters}
    title = "".join(word.capitalize() for word in re.split(r"[._]", _name(function)))
    # msgspec.defstruct knows nothing of our metaclass, so the type is made as a class statement makes it.
    return cast("type[Record]", RecordType(title, (Record,), members))


def arguments(parameters: Record) -> dict[str, Any]:
    """The keyword arguments for the function; nested Records stay Records."""
    return {name: getattr(parameters, name) for name in parameters.__struct_fields__}
