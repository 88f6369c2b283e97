"""The kinds of value an attribute can have.

A kind parses what a client sent into the value vipool keeps, or raises ``ValueError`` with one sentence; it also says
how the value is stored and how it is described in JSON Schema.  The sentences and coercions are those of the Octavia
API (numeric strings are integers, floats are truncated, many spellings of true and false), which the Neutron and
Keystone faces share.  A kind never sees ``null``: what null means is the attribute's business (``attr.Attr.null``).
"""

import datetime
import enum
import functools
import ipaddress
import re
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
ALPN = ("h2", "http/1.1", "http/1.0")
# RFC 3986, section 2: unreserved and reserved characters, and percent signs that begin an octet.
URL_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")


class Storage(enum.StrEnum):
    """How a value is kept in a table."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    JSON = "json"


class Kind(Protocol):
    """What a kind of value must offer."""

    @property
    def storage(self) -> Storage:
        """How the value is kept."""

    def parse(self, value: object) -> Any:
        """The value as vipool keeps it; raises ValueError with a sentence."""

    def schema(self) -> dict[str, object]:
        """The value in JSON Schema (draft 2020-12)."""


@dataclass(frozen=True, slots=True)
class String:
    """Text of ``least`` to ``most`` characters, matching ``pattern`` if there is one."""

    most: int = 255
    least: int = 0
    pattern: str | None = None
    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> str:
        """The text unchanged: numbers are not text."""
        if not isinstance(value, str):
            raise ValueError("Value should be string")
        if len(value) > self.most:
            raise ValueError(f"Value should have a maximum character requirement of {self.most}")
        if len(value) < self.least:
            raise ValueError(f"Value should have a minimum character requirement of {self.least}")
        # NUL cannot be stored by PostgreSQL, a lone surrogate cannot be encoded in UTF-8.
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("Value should not contain NUL or unpaired surrogate characters")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise ValueError(f"Value should match the pattern {self.pattern}")
        return value

    def schema(self) -> dict[str, object]:
        """A string schema with its lengths."""
        found: dict[str, object] = {"type": "string", "maxLength": self.most}
        if self.least:
            found["minLength"] = self.least
        if self.pattern is not None:
            found["pattern"] = f"^(?:{self.pattern})$"  # there, a pattern may match anywhere in the text
        return found


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds, both included; unbounded ones still fit 32 bits, as Octavia's columns do."""

    least: int = -(2**31)
    most: int = 2**31 - 1
    storage: Storage = Storage.INTEGER

    def parse(self, value: object) -> int:
        """Numbers are truncated and numeric strings accepted, as Octavia does."""
        number = self._number(value)
        if number < self.least:
            raise ValueError(f"Value should be greater or equal to {self.least}")
        if number > self.most:
            raise ValueError(f"Value should be lower or equal to {self.most}")
        return number

    def _number(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("Value should be an integer")
        if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]{1,30}\s*", value):
            raise ValueError(f"invalid literal for int() with base 10: '{value}'")
        try:
            return int(value)
        except (ValueError, OverflowError) as error:  # NaN and the infinities
            raise ValueError("Value should be an integer") from error

    def schema(self) -> dict[str, object]:
        """An integer schema with its bounds."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Number:
    """One of a few decimal numbers, such as an HTTP version."""

    allowed: tuple[float, ...]
    storage: Storage = Storage.REAL

    def parse(self, value: object) -> float:
        """The number, given as a number or as text."""
        try:
            number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number not in self.allowed or number is None:
            raise ValueError(f"Value should be one of: {', '.join(str(each) for each in self.allowed)}")
        return number

    def schema(self) -> dict[str, object]:
        """A number schema with its values."""
        return {"type": "number", "enum": list(self.allowed)}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few whole numbers, such as the status of a redirection."""

    allowed: tuple[int, ...]
    storage: Storage = Storage.INTEGER

    def parse(self, value: object) -> int:
        """The number, given as a number or as text."""
        number = Integer().parse(value)
        if number not in self.allowed:
            raise ValueError(f"Value should be one of: {', '.join(str(each) for each in self.allowed)}")
        return number

    def schema(self) -> dict[str, object]:
        """An integer schema with its values."""
        return {"type": "integer", "enum": list(self.allowed)}


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false, in any of the spellings OpenStack clients use."""

    storage: Storage = Storage.BOOLEAN

    def parse(self, value: object) -> bool:
        """JSON booleans, 0 and 1, and the usual words in any case."""
        word = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise ValueError("Value should be a boolean")

    def schema(self) -> dict[str, object]:
        """A boolean schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Uuid:
    """A UUID, kept in lower case with dashes (RFC 9562), or as 32 bare digits (``hexadecimal``: Keystone's form)."""

    hexadecimal: bool = False
    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> str:
        """Any spelling Python's parser takes."""
        if not isinstance(value, str):
            raise ValueError("Value should be UUID format")
        try:
            parsed = uuid.UUID(value)
        except ValueError as error:
            raise ValueError("Value should be UUID format") from error
        return parsed.hex if self.hexadecimal else str(parsed)

    def schema(self) -> dict[str, object]:
        """A string schema with the uuid format."""
        return {"type": "string", "format": "uuid"}


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute http or https URL in the characters of RFC 3986; kept as typed."""

    most: int = 255
    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> str:
        """The URL unchanged, once it is known to be one."""
        text = String(self.most).parse(value)
        try:
            parts = urllib.parse.urlsplit(text)
            port_is_number = parts.port is None or parts.port >= 0
        except ValueError as error:  # a broken IPv6 literal, or a port that is no number
            raise ValueError("Value must be a valid URL string") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_number:
            raise ValueError("Value must be a valid URL string")
        if not URL_CHARACTERS.fullmatch(text):
            raise ValueError("Value must be a valid URL string")
        return text

    def schema(self) -> dict[str, object]:
        """A string schema with the uri format."""
        return {"type": "string", "format": "uri", "maxLength": self.most, "pattern": "^https?://"}


@dataclass(frozen=True, slots=True)
class Alpn:
    """A protocol of HTTP by its ALPN identification sequence (RFC 7301, section 6)."""

    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> str:
        """The identification sequence unchanged."""
        if not isinstance(value, str) or value not in ALPN:
            raise ValueError("Value should be a valid ALPN protocol ID")
        return value

    def schema(self) -> dict[str, object]:
        """A string schema with its values."""
        return {"type": "string", "enum": list(ALPN)}


@dataclass(frozen=True, slots=True)
class IpAddress:
    """An IPv4 or IPv6 literal, without zone or mask; kept as typed."""

    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> str:
        """The literal unchanged, once it is known to be one."""
        if not isinstance(value, str) or "%" in value:
            raise ValueError("Value should be IPv4 or IPv6 format")
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            raise ValueError("Value should be IPv4 or IPv6 format") from error
        return value

    def schema(self) -> dict[str, object]:
        """Either IP format."""
        return {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}


@functools.lru_cache(maxsize=16384)
def address(spelled: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that is spelled so. Raises ValueError.

    Remembered, since where one member of thousands changes the addresses of all are asked for, and again.
    """
    return ipaddress.ip_address(spelled)


@dataclass(frozen=True, slots=True)
class Cidr:
    """An IP network; host bits are dropped and a bare address is its own network."""

    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> str:
        """The canonical form of the network."""
        if not isinstance(value, str) or "%" in value:
            raise ValueError("Value should be IPv4 or IPv6 CIDR format")
        try:
            return str(ipaddress.ip_network(value, strict=False))
        except ValueError as error:
            raise ValueError("Value should be IPv4 or IPv6 CIDR format") from error

    def schema(self) -> dict[str, object]:
        """A string schema with a format of our own: JSON Schema has none for networks."""
        return {"type": "string", "format": "cidr"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the members of an enumeration, in exactly that case."""

    options: type[enum.StrEnum]
    storage: Storage = Storage.TEXT

    def parse(self, value: object) -> enum.StrEnum:
        """The member with that value."""
        found = next((option for option in self.options if option.value == value), None)
        if found is None:
            raise ValueError(f"Value should be one of: {', '.join(self.options)}")
        return found

    def schema(self) -> dict[str, object]:
        """A string schema with its values."""
        return {"type": "string", "enum": [str(option) for option in self.options]}


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment in UTC, without a zone suffix on the wire."""

    storage: Storage = Storage.DATETIME

    def parse(self, value: object) -> datetime.datetime:
        """ISO 8601; a zone is converted to UTC and dropped."""
        if isinstance(value, datetime.datetime):
            return value
        try:
            moment = datetime.datetime.fromisoformat(str(value))
            return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment
        except (ValueError, OverflowError) as error:
            raise ValueError("Value should be an ISO 8601 timestamp") from error

    def schema(self) -> dict[str, object]:
        """A string schema with the format of a moment without a zone (OpenAPI format registry)."""
        return {"type": "string", "format": "date-time-local"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one kind; kept as a tuple. ``distinct`` drops repeats, keeping the first."""

    item: Kind
    distinct: bool = False
    storage: Storage = Storage.JSON

    def parse(self, value: object) -> tuple[Any, ...]:
        """Each entry parsed by the item kind."""
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise ValueError(f"Value not a valid list: {value}")
        found = tuple(self.item.parse(each) for each in value)
        return tuple(dict.fromkeys(found)) if self.distinct else found

    def schema(self) -> dict[str, object]:
        """An array schema."""
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose values are all of one kind; kept as a plain dict."""

    item: Kind
    storage: Storage = Storage.JSON

    def parse(self, value: object) -> dict[str, Any]:
        """Each value parsed by the item kind."""
        if not isinstance(value, Mapping):
            raise ValueError(f"Value not a valid dict: {value}")
        return {str(key): self.item.parse(each) for key, each in value.items()}

    def schema(self) -> dict[str, object]:
        """An object schema."""
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True, slots=True)
class Entry:
    """An object with fixed keys, each of its own kind; kept as a plain dict holding every key."""

    keys: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    storage: Storage = Storage.JSON

    def parse(self, value: object) -> dict[str, Any]:
        """Each known key parsed; absent ones are None; unknown ones are refused."""
        if not isinstance(value, Mapping):
            raise ValueError(f"Value not a valid dict: {value}")
        unknown = [str(key) for key in value if key not in self.keys]
        if unknown:
            raise ValueError(f"Unknown keys: {', '.join(unknown)}")
        for key in self.required:
            if value.get(key) is None:
                raise ValueError(f"Key {key} is mandatory")
        return {key: None if value.get(key) is None else kind.parse(value[key]) for key, kind in self.keys.items()}

    def schema(self) -> dict[str, object]:
        """An object schema with its keys."""
        properties = {
            key: kind.schema() if key in self.required else {"anyOf": [kind.schema(), {"type": "null"}]}
            for key, kind in self.keys.items()
        }
        needed = {"required": list(self.required)} if self.required else {}
        return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Flags:
    """An object of named switches, each true, false or null; kept as a plain dict of those that were given."""

    names: tuple[str, ...]
    storage: Storage = Storage.JSON

    def parse(self, value: object) -> dict[str, bool | None]:
        """The given switches; unknown ones are refused."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{value!r} is not of type 'object'")
        for key, each in value.items():
            if key not in self.names:
                raise ValueError(f"Additional properties are not allowed ({key!r} was unexpected)")
            if each is not None and not isinstance(each, bool):
                raise ValueError(f"{each!r} is not of type 'boolean', 'null'")
        return dict(value)

    def schema(self) -> dict[str, object]:
        """An object schema with the switches."""
        properties = {name: {"type": ["boolean", "null"]} for name in self.names}
        return {"type": "object", "properties": properties, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Json:
    """Any JSON value, kept as it is."""

    storage: Storage = Storage.JSON

    def parse(self, value: object) -> Any:
        """The value unchanged."""
        return value

    def schema(self) -> dict[str, object]:
        """A schema that says nothing."""
        return {}
