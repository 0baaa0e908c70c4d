"""Pure: a value that a JSON schema of our API takes, as small as can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXTS = (
    "x",
    "x.png",
    "0" * 8,
    "0" * 12,
    "1" * 16,
    "1" * 32,
    "a/b",
    "centroid_00000000",
    "01HZX3VQK8T0J9C5R2N6M4W7PA",
    "crc64nvme:AAAAAAAAAAA=",
    "AAAAAAAAAAA=",
)


def example(  # noqa: PLR0911 - one for each kind of schema
    schema: Mapping[str, Any], api: Mapping[str, Any], given: Mapping[str, Any], name: str = ""
) -> Any:
    """Return a value.

    Args:
        schema: what it has to be.
        api: the whole OpenAPI document, which the schema refers to.
        given: values by name that come before any other.
        name: of the value.
    """
    if name in given:
        return given[name]
    if "$ref" in schema:
        found = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return example(found, api, given, name)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return example(schema[choice][0], api, given, name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {})
            return {part: example(parts[part], api, given, part) for part in schema.get("required", ())}
        case "array":
            return [example(schema["items"], api, given, name)] * max(1, schema.get("minItems", 0))
        case "string":
            return _text(schema)
        case "integer" | "number":
            return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return False
    return {}


def _text(schema: Mapping[str, Any]) -> Any:
    if "pattern" in schema:
        return next(text for text in _TEXTS if re.search(schema["pattern"], text))
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return "x" * max(1, schema.get("minLength", 1))
