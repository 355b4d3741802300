"""A JSON schema before it is compiled: every keyword is honoured or refused by name and path.

Follows draft 2020-12 as far as llguidance does. Two things are decided here that JSON Schema leaves
open. An object that lists its properties gets no others, unless it says additionalProperties; a
model would invent them. And a schema that nothing finite satisfies is refused.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runners.errors import GrammarRefusedError
from runners.grammars.source import GrammarSource, from_schema

MAX_SCHEMA_BYTES = 128 * 1024
MAX_SCHEMA_DEPTH = 64
MAX_SUBSCHEMAS = 5000

Schema = Mapping[str, Any]

ANY_OBJECT: Schema = {"type": "object"}
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
FORMATS = (
    "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri",
)  # fmt: skip

ANNOTATIONS = frozenset(
    "$schema $id $comment title description default example examples deprecated readOnly writeOnly "
    "discriminator contentMediaType contentEncoding externalDocs".split()
)
ONE_SCHEMA = frozenset({"items", "additionalProperties"})
SCHEMA_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
SCHEMA_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions"})
COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
UNSUPPORTED = frozenset(
    "not if then else contains minContains maxContains unevaluatedItems unevaluatedProperties "
    "propertyNames dependentRequired dependentSchemas dependencies additionalItems $anchor "
    "$dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor contentSchema".split()
)
COMPOSITION = frozenset({"anyOf", "oneOf", "allOf", "$ref", "patternProperties"})
OBJECT_KEYWORDS = frozenset({"properties", "required", "additionalProperties"})


def schema_source(schema: object, path: str) -> GrammarSource:
    """Raises GrammarRefusedError naming the keyword and its path below `path`."""
    checked = checked_schema(schema, path)
    return from_schema(checked.schema, checked.growth, checked.patterns)


@dataclass(frozen=True, slots=True)
class CheckedSchema:
    """What to compile, with its GrammarSource.growth and .patterns."""

    schema: Schema
    growth: int
    size: int
    """About how many tokens its shortest value has, or what it can grow by, if that is more."""
    patterns: tuple[str, ...]


def checked_schema(schema: object, path: str) -> CheckedSchema:
    """Raises GrammarRefusedError."""
    if not isinstance(schema, Mapping):
        raise GrammarRefusedError(path, f"{path} must be a JSON object.")
    size = len(json.dumps(schema).encode())
    if size > MAX_SCHEMA_BYTES:
        raise GrammarRefusedError(
            path, f"{path} has {size} bytes; at most {MAX_SCHEMA_BYTES} are taken."
        )
    check = _Check(schema, not _intersects(schema))
    closed: Schema = check.schema(schema, path, 0)
    sizes = _Sizes(schema)
    if math.isinf(sizes.of(schema)):
        raise GrammarRefusedError(path, f"{path} contains itself, so that no value can satisfy it.")
    size = max(sizes.growth(), int(sizes.of(schema)))
    return CheckedSchema(closed, sizes.growth(), size, tuple(check.patterns))


@dataclass(slots=True)
class _Check:
    """Walks every subschema once."""

    root: Schema
    may_close: bool
    num_subschemas: int = 0
    patterns: list[str] = field(default_factory=list)

    def schema(self, schema: Any, path: str, depth: int) -> Any:
        """The same schema, its listed objects closed."""
        self.num_subschemas += 1
        if depth > MAX_SCHEMA_DEPTH or self.num_subschemas > MAX_SUBSCHEMAS:
            raise GrammarRefusedError(
                path,
                f"{path}: a schema may be {MAX_SCHEMA_DEPTH} levels deep and have "
                f"{MAX_SUBSCHEMAS} subschemas.",
            )
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise GrammarRefusedError(path, f"{path} is {schema!r:.60}; it must be a schema.")
        checked = {
            keyword: self._keyword(keyword, value, f"{path}.{keyword}", depth)
            for keyword, value in schema.items()
            if keyword not in ANNOTATIONS
        }
        checked.pop("uniqueItems", None)
        if self._is_closed(checked):
            checked["additionalProperties"] = False
        return checked

    def _keyword(self, keyword: str, value: Any, path: str, depth: int) -> Any:
        if keyword in ONE_SCHEMA:
            if isinstance(value, list):
                _refuse(path, "as a list is not supported; use prefixItems")
            return self.schema(value, path, depth + 1)
        if keyword in SCHEMA_LISTS:
            _expect(isinstance(value, list) and value != [], path, value, "a list of schemas")
            return [self.schema(s, f"{path}[{i}]", depth + 1) for i, s in enumerate(value)]
        if keyword in SCHEMA_MAPS:
            _expect(isinstance(value, Mapping), path, value, "an object of schemas")
            return {name: self.schema(s, f"{path}.{name}", depth + 1) for name, s in value.items()}
        rule = _VALUES.get(keyword)
        if rule is not None:
            rule(value, path)
            if keyword == "pattern" and value not in self.patterns:
                self.patterns.append(value)
        elif keyword == "$ref":
            self._reference(value, path)
        elif keyword in UNSUPPORTED:
            _refuse(path, "is not supported for constrained output; leave it out")
        elif not keyword.startswith("x-") or keyword == "x-guidance":
            _refuse(path, "is no known keyword of JSON Schema")
        return value

    def _reference(self, value: Any, path: str) -> None:
        _expect(isinstance(value, str), path, value, "a reference")
        if not (value == "#" or value.startswith("#/")):
            _refuse(path, f"{value!r:.100} is not within the schema; nothing is ever fetched")
        if _resolved(self.root, value) is None:
            _refuse(path, f"{value!r:.100} leads nowhere")

    def _is_closed(self, schema: Schema) -> bool:
        """Whether leaving out other properties contradicts nothing it says itself."""
        return (
            "properties" in schema
            and "additionalProperties" not in schema
            and self.may_close
            and COMPOSITION.isdisjoint(schema)
            and set(schema.get("required", ())) <= set(schema["properties"])
            and schema.get("minProperties", 0) <= len(schema["properties"])
        )


def _intersects(value: Any) -> bool:
    """Whether some object must satisfy two schemas at once: neither may be closed then."""
    if isinstance(value, list):
        return any(map(_intersects, value))
    if not isinstance(value, Mapping):
        return False
    is_mixed = not COMPOSITION.isdisjoint(value) and not OBJECT_KEYWORDS.isdisjoint(value)
    return "allOf" in value or is_mixed or any(map(_intersects, value.values()))


def _refuse(path: str, why: str) -> None:
    raise GrammarRefusedError(path, f"{path} {why}.")


def _expect(holds: bool, path: str, value: Any, what: str) -> None:
    if not holds:
        raise GrammarRefusedError(path, f"{path} is {value!r:.60}; it must be {what}.")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_type(value: Any, path: str) -> None:
    names = value if isinstance(value, list) else [value]
    _expect(bool(names) and all(name in TYPES for name in names), path, value, ", ".join(TYPES))


def _check_format(value: Any, path: str) -> None:
    _expect(value in FORMATS, path, value, "one of " + ", ".join(FORMATS))


def _check_unique(value: Any, path: str) -> None:
    if value is not False:
        _refuse(path, "is not supported for constrained output; leave it out")


def _check_required(value: Any, path: str) -> None:
    is_names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    _expect(is_names, path, value, "a list of property names")


def _check_number(value: Any, path: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    _expect(is_number, path, value, "a number")


_VALUES: dict[str, Callable[[Any, str], None]] = {
    "type": _check_type,
    "format": _check_format,
    "uniqueItems": _check_unique,
    "required": _check_required,
    "const": lambda value, path: None,
    "enum": lambda value, path: _expect(
        isinstance(value, list) and value != [], path, value, "a list of values"
    ),
    "pattern": lambda value, path: _expect(isinstance(value, str), path, value, "a regex"),
    **{
        keyword: lambda value, path: _expect(_is_count(value), path, value, "an integer from 0")
        for keyword in COUNTS
    },
    **dict.fromkeys(NUMBERS, _check_number),
}


def _resolved(root: Schema, reference: str) -> Any:
    """What a JSON pointer leads to, or None."""
    place: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        elif isinstance(place, Mapping) and step in place:
            place = place[step]
        else:
            return None
    return place


class _Sizes:
    """About how many bytes the shortest value of each subschema has; infinite for none."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._sizes: dict[int, float] = {}
        self._subschemas: dict[int, Schema] = {}
        self._collect(root)
        changed = True
        while changed:  # the least fixed point, from above
            changed = False
            for key, schema in self._subschemas.items():
                size = self._size(schema)
                changed |= size < self._sizes[key]
                self._sizes[key] = size

    def of(self, schema: Any) -> float:
        return self._sizes.get(id(schema), 1.0)

    def growth(self) -> int:
        """In tokens, which may have only a byte each, and a separator before them."""
        inner = [size for key, size in self._sizes.items() if key != id(self._root)]
        largest = max((size for size in inner if not math.isinf(size)), default=0.0)
        return max(8, int(largest) + 2)

    def _collect(self, schema: Any) -> None:
        if not isinstance(schema, Mapping) or id(schema) in self._sizes:
            return
        self._sizes[id(schema)] = math.inf
        self._subschemas[id(schema)] = schema
        for keyword, value in schema.items():
            if keyword in ONE_SCHEMA:
                self._collect(value)
            elif keyword in SCHEMA_LISTS:
                for item in value:
                    self._collect(item)
            elif keyword in SCHEMA_MAPS:
                for item in value.values():
                    self._collect(item)

    def _size(self, schema: Schema) -> float:
        if "const" in schema:
            return len(json.dumps(schema["const"]))
        if "enum" in schema:
            return min(len(json.dumps(value)) for value in schema["enum"])
        size = self._size_by_type(schema)
        if "$ref" in schema:
            size = max(size, self.of(_resolved(self._root, schema["$ref"])))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                size = max(size, min(map(self.of, schema[keyword])))
        if "allOf" in schema:
            size = max(size, *map(self.of, schema["allOf"]))
        return size

    def _size_by_type(self, schema: Schema) -> float:
        names = schema.get("type")
        if names is None:
            hinted = {"required": "object", "minItems": "array", "minLength": "string"}
            names = next((hinted[key] for key in hinted if key in schema), "integer")
        names = names if isinstance(names, list) else [names]
        return min(self._type_size(name, schema) for name in names)

    def _type_size(self, name: str, schema: Schema) -> float:
        match name:
            case "object":
                return self._object_size(schema)
            case "array":
                return self._array_size(schema)
            case "string":
                length: int = schema.get("minLength", 0)
                return 2.0 + length + 8 * ("pattern" in schema)
            case "boolean" | "null":
                return 4.0
            case _:
                return 1.0

    def _object_size(self, schema: Schema) -> float:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        return 2.0 + sum(len(name) + 6 + self.of(properties.get(name)) for name in required)

    def _array_size(self, schema: Schema) -> float:
        first = schema.get("prefixItems", ())
        count = schema.get("minItems", 0)
        sizes = [self.of(first[i]) for i in range(min(count, len(first)))]
        num_others = count - len(sizes)
        others = num_others * (self.of(schema.get("items")) + 2) if num_others else 0.0
        return 2.0 + sum(sizes) + 2 * len(sizes) + others
