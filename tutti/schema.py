"""Records as JSON Schema (2020-12), for the documents of HTTP and socket and the pages about them.

msgspec writes the schemas from the very types that validate. Added here is what it leaves out: that a time is
a date-time, what the words under a member say, and that what Tutti sends is complete and may grow.
"""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from textwrap import dedent
from types import ModuleType
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.inspect import DateTimeType, Field, StructType, multi_type_info

Json = dict[str, Any]
REF: Final = "#/components/schemas/"
FAR: Final = 2**31
"""A limit up here only keeps numbers storable; nobody needs to read it."""


class Schemas:
    """The schemas of a set of types, and the components they share under `#/components/schemas/`.

    `takes` are the types that come in: unknown members are refused, defaults may be left out. Types that only
    go out (`gives`) always carry every member, and a client must let members pass that it does not know.
    """

    def __init__(self, *, takes: Iterable[Any] = (), gives: Iterable[Any] = ()) -> None:
        incoming, outgoing = list(takes), list(gives)
        types = [*incoming, *outgoing]
        written, components = msgspec.json.schema_components(types, ref_template=f"{REF}{{name}}")
        self.components: dict[str, Json] = dict(components)
        self._written = list(zip(types, written, strict=True))
        self._explain(types)
        coming_in = reached(self.components, written[: len(incoming)])
        for name in self.components.keys() - coming_in.keys():
            _open(self.components[name])

    def of(self, kind: Any) -> Json:
        """The schema of one of the types given; a reference for a Record."""
        return next(dict(schema) for known, schema in self._written if known is kind or known == kind)

    def record(self, kind: Any) -> Json:
        """The schema behind the reference of a Record; a copy that may be added to."""
        schema = self.of(kind)
        return {**self.components[schema["$ref"].removeprefix(REF)]} if "$ref" in schema else schema

    def _explain(self, types: list[Any]) -> None:
        structs = {info.cls: info for info in _structs(multi_type_info(types))}
        for kind, info in structs.items():
            schema = self.components.get(kind.__name__) or self.components.get(_qualified(kind))
            if schema is not None:
                words = member_words(kind)
                for field in info.fields:
                    _explain_member(schema["properties"][field.encode_name], field, words.get(field.name))


class Doc(NamedTuple):
    """A docstring: its first sentence or two, and what follows."""

    summary: str
    more: str


def doc_of(thing: Any) -> Doc:
    """What its docstring says."""
    summary, _empty, more = (inspect.getdoc(thing) or "").partition("\n\n")
    return Doc(" ".join(summary.split()), more.strip())


def doc_of_slice(face: ModuleType) -> Doc:
    """What a slice is for, without its name in front: "Search: find anything …"."""
    doc = doc_of(face)
    name, _colon, rest = doc.summary.partition(": ")
    has_name_in_front = bool(rest) and " " not in name.removeprefix("The ")
    return Doc(rest[:1].upper() + rest[1:], doc.more) if has_name_in_front else doc


def reached(components: Mapping[str, Json], start: Any) -> dict[str, Json]:
    """The components that a piece of JSON leads to, by name in alphabetical order."""
    found: set[str] = set()
    waiting = list(references(start))
    while waiting:
        name = waiting.pop().removeprefix(REF)
        if name in components and name not in found:
            found.add(name)
            waiting.extend(references(components[name]))
    return {name: components[name] for name in sorted(found)}


def references(schema: Any) -> Iterator[str]:
    """Every `$ref` inside a piece of JSON."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from references(value)


def member_words(kind: type) -> dict[str, str]:
    """The string under each member of a class, by the member's name."""
    try:
        (parsed,) = ast.parse(dedent(inspect.getsource(kind))).body
    except (OSError, TypeError):
        return {}  # made by the program, as parameters of commands are
    body = parsed.body if isinstance(parsed, ast.ClassDef) else []
    return {
        member.target.id: " ".join(below.value.value.split())
        for member, below in pairwise(body)
        if isinstance(member, ast.AnnAssign)
        and isinstance(member.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def in_words(schema: Json) -> str:
    """A schema in a few words, for tables: "UUID or null", "1 to 200", "none, one or all"."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REF)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(in_words(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    kind = {"uuid": "UUID", "date-time": "time"}.get(schema.get("format", ""), schema.get("type", "anything"))
    if kind == "array":
        return f"list of {in_words(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None or high is None:
        return str(kind)
    return f"{kind}, {low} to {high}" if high < FAR else f"{kind} from {low}"


def _structs(infos: Iterable[Any]) -> Iterator[StructType]:
    """Every struct type that these lead to, once."""
    seen: set[type] = set()
    waiting = list(infos)
    while waiting:
        info = waiting.pop()
        if isinstance(info, StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info
            waiting.extend(field.type for field in info.fields)
        else:
            waiting.extend(_inside(info))


def _inside(info: Any) -> Iterator[Any]:
    """The types that a list, a union, a mapping or a tuple is made of."""
    for name in ("type", "item_type", "key_type", "value_type"):
        inner = getattr(info, name, None)
        if isinstance(inner, msgspec.inspect.Type):
            yield inner
    for name in ("types", "item_types"):
        yield from getattr(info, name, ())


def _explain_member(schema: Json, field: Field, words: str | None) -> None:
    if words:
        schema["description"] = words
    if any(isinstance(each, DateTimeType) for each in _all_inside(field.type)):
        for each in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
            if each.get("type") == "string" and "format" not in each:
                each["format"] = "date-time"


def _all_inside(info: Any) -> Iterator[Any]:
    yield info
    if not isinstance(info, StructType):
        for each in _inside(info):
            yield from _all_inside(each)


def _open(schema: Json) -> None:
    """What goes out carries every member that has a default, and may have new ones tomorrow."""
    schema.pop("additionalProperties", None)
    if "properties" in schema:
        always = {name for name, member in schema["properties"].items() if "default" in member}
        asked = {*schema.get("required", ()), *always}
        schema["required"] = [name for name in schema["properties"] if name in asked]
        for member in schema["properties"].values():
            member.pop("default", None)


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
