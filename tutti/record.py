"""The shape of everything that travels: rows come in as Records, JSON goes out from them."""

import re
from datetime import UTC, datetime
from json import JSONDecodeError, loads
from math import isinf
from typing import Any, NoReturn, TypeVar, dataclass_transform

import msgspec

from tutti.errors import Invalid

T = TypeVar("T")

MAX_DEPTH = 32
LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**63 - 1
"""What a bigint column holds, and msgspec writes."""
_encoder = msgspec.json.Encoder()
_unwritable = re.compile("[\x00\ud800-\udfff]")
_may_be_unwritable = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
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
    """Read JSON from outside; raises Invalid for what is broken, ambiguous, too deep, or could not be kept.

    msgspec keeps the last of two equal members and overflows the stack on deep input, so every byte from
    outside passes here before anything else looks at it.
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if _may_be_deeper(data, max_depth) and _depth(data) > max_depth:
        raise Invalid.because(f"JSON may be nested at most {max_depth} levels deep.")
    try:
        value = loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_constant=_not_a_number,
            parse_int=_integer,
            parse_float=_float,
        )
    except (JSONDecodeError, UnicodeDecodeError) as error:
        raise Invalid.because(f"This is not valid JSON: {error}.") from None
    if _may_be_unwritable.search(data):
        _check_texts(value, "")
    return value


def check_text(text: str, pointer: str) -> None:
    """Raise Invalid for what PostgreSQL or UTF-8 cannot hold: U+0000 and halves of surrogate pairs."""
    if found := _unwritable.search(text):
        raise Invalid.because(
            f"The character U+{ord(found[0]):04X} cannot stand in a text.",
            pointer=_unwritable.sub("\ufffd", pointer),
        )


def convert(value: Any, into: type[T], *, strict: bool = True) -> T:
    """Check decoded JSON against a type; raises Invalid naming the member that does not fit."""
    try:
        converted = msgspec.convert(value, into, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid(errors=[_pointed(str(error))]) from None
    if isinstance(converted, msgspec.Struct):
        _check_members(converted, "")
    return converted


def _check_members(struct: msgspec.Struct, pointer: str) -> None:
    """What msgspec lets pass and no column takes: integers out of a query, times that are no moment."""
    for name, encoded in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True):
        value = getattr(struct, name)
        if isinstance(value, int) and not LEAST_INTEGER <= value <= MOST_INTEGER:
            raise Invalid.because("This number is out of range.", pointer=f"{pointer}/{encoded}")
        if isinstance(value, datetime) and not _is_moment(value):
            raise Invalid.because(
                "A time has a zone and a year between 1 and 9999.", pointer=f"{pointer}/{encoded}"
            )
        if isinstance(value, msgspec.Struct):
            _check_members(value, f"{pointer}/{encoded}")


def _is_moment(time: datetime) -> bool:
    try:
        return time.tzinfo is not None and time.astimezone(UTC) is not None
    except OverflowError:
        return False


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
        check_text(twice, f"/{twice}")
        raise Invalid.because(f"The member “{twice}” is given twice.", pointer=f"/{twice}")
    return members


def _not_a_number(name: str) -> NoReturn:
    raise Invalid.because(f"{name} is not a JSON number.")


def _integer(text: str) -> int:
    # Python refuses to read thousands of digits, by an error of its own; nobody here means such a number.
    value = int(text) if len(text) <= 20 else MOST_INTEGER + 1
    if not LEAST_INTEGER <= value <= MOST_INTEGER:
        raise Invalid.because(f"The number {text[:40]} is out of range.")
    return value


def _float(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise Invalid.because(f"The number {text[:40]} is out of range.")
    return value


def _check_texts(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        check_text(value, pointer)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_texts(each, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, each in value.items():
            check_text(name, f"{pointer}/{name}")
            _check_texts(each, f"{pointer}/{name}")
