"""A JSON Schema in a few words, for people: names and values stand between backticks."""

from collections.abc import Mapping
from typing import Any

FORMS: Mapping[str, str] = {
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "cidr": "IPv4 or IPv6 network",
    "uuid": "UUID",
    "date-time-local": "time, in UTC",
}


def in_words(schema: Mapping[str, Any]) -> str:
    """What a value may be."""
    match schema:
        case {"$ref": str(name)}:
            return f"`{name.rpartition('/')[2]}`"
        case {"anyOf": [*choices]}:
            return " or ".join(dict.fromkeys(in_words(choice) for choice in choices))
        case {"const": value}:
            return f"`{value}`"
        case {"enum": [*options]}:
            return ", ".join("null" if option is None else f"`{option}`" for option in options)
        case {"type": [kind, "null"]}:
            return f"{in_words({**schema, 'type': kind})} or null"
        case {"type": "array", "items": items}:
            return f"list of: {in_words(items)}"
        case {"type": "object", "properties": dict(properties)}:
            return "object of " + "; ".join(f"`{name}`: {in_words(each)}" for name, each in properties.items())
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object whose values are: {in_words(values)}"
        case {"type": "integer" | "number"}:
            return _bounds(schema)
        case {"type": "string"}:
            return _text(schema)
        case {"type": [*choices]}:
            return " or ".join(str(choice) for choice in choices)
        case {"type": one}:
            return str(one)
        case _:
            return "anything"


def _bounds(schema: Mapping[str, Any]) -> str:
    """A number, with its bounds where they are narrower than the machine's."""
    least, most = schema.get("minimum"), schema.get("maximum")
    wide = most is None or most in {2**31 - 1, 2**63 - 1}
    if wide and (least is None or least == -(2**31)):
        return str(schema["type"])
    return f"{schema['type']}, at least {least}" if wide else f"{schema['type']}, {least} to {most}"


def _text(schema: Mapping[str, Any]) -> str:
    """A string: its form, or how long it may be."""
    if form := schema.get("format"):
        return FORMS.get(form, str(form))
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is None:
        return "text"
    return f"text, {least} to {most} characters" if least else f"text, at most {most} characters"
