"""The shape of everything that travels: rows come in as Records, JSON goes out from them."""

import re
from json import JSONDecodeError, loads
from typing import Any, NoReturn, TypeVar, dataclass_transform

import msgspec

from tutti.errors import Invalid

T = TypeVar("T")

MAX_DEPTH = 32
_encoder = msgspec.json.Encoder()
_microseconds = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{3}Z"')


class RecordType(msgspec.StructMeta):
    """Makes what Record says hold for its subclasses too: msgspec itself inherits all of it but `kw_only`."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], members: dict[str, Any], **options: Any
    ) -> "RecordType":
        return super().__new__(cls, name, bases, members, **{"frozen": True, "kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Record(
    msgspec.Struct,
    metaclass=RecordType,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
):
    """An immutable value; snake_case in Python and SQL, camelCase in JSON. Made by keyword."""


def encode(value: object) -> bytes:
    """JSON as protocol §1 writes it: camelCase members, times in RFC 3339 UTC with milliseconds."""
    return _microseconds.sub(rb'\1Z"', _encoder.encode(value))


def decode(raw: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:
    """Read JSON from outside; raises Invalid for broken text, NaN, duplicate members and deep nesting.

    msgspec keeps the last of two equal members and overflows the stack on deep input, so every byte from
    outside passes here before anything else looks at it.
    """
    data = raw.encode() if isinstance(raw, str) else raw
    if _may_be_deeper(data, max_depth) and _depth(data) > max_depth:
        raise Invalid.because(f"JSON may be nested at most {max_depth} levels deep.")
    try:
        return loads(data, object_pairs_hook=_unique, parse_constant=_not_a_number)
    except (JSONDecodeError, UnicodeDecodeError) as error:
        raise Invalid.because(f"This is not valid JSON: {error}.") from None


def convert(value: Any, into: type[T], *, strict: bool = True) -> T:
    """Check decoded JSON against a type; raises Invalid naming the member that does not fit."""
    try:
        return msgspec.convert(value, into, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid(errors=[_pointed(str(error))]) from None


def _pointed(message: str) -> dict[str, str]:
    """What msgspec says as "Expected `int`, got `str` - at `$.a[0].b`", with a JSON pointer (RFC 9457)."""
    detail, _, path = message.partition(" - at `")
    pointer = re.sub(r"\[(\d+|\.\.\.)\]", r"/\1", path.rstrip("`").removeprefix("$")).replace(".", "/")
    unknown = re.search(r"unknown field `([^`]*)`", detail)
    return {"pointer": f"{pointer}/{unknown[1]}" if unknown else pointer, "detail": detail}


def _may_be_deeper(data: bytes, depth: int) -> bool:
    return data.count(b"[") + data.count(b"{") > depth


def _depth(data: bytes) -> int:
    """The deepest nesting, brackets inside strings left out."""
    depth = deepest = 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', data):
        if token[0] in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in (b"]", b"}"):
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid.because(f"The member “{twice}” is given twice.", pointer=f"/{twice}")
    return members


def _not_a_number(name: str) -> NoReturn:
    raise Invalid.because(f"{name} is not a JSON number.")
