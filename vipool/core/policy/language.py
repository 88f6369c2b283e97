"""The language of policy rules, as operators write it in a policy.yaml.

A rule is `role:NAME`, `rule:OTHER`, `KEY:VALUE` or `KEY:%(attribute)s` (a property of the caller against a word or an
attribute of the object), `@` (always), `!` (never), or such checks joined by `and`, `or`, `not` and parentheses; an
empty rule is always met (oslo.policy's documentation, "Policy rule expressions").  Pure: text in, a check out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

TOKEN = re.compile(r"\(|\)|[^\s()]*%\([^)]*\)s[^\s()]*|[^\s()]+")
ATTRIBUTE = re.compile(r"%\(([A-Za-z0-9_.]+)\)s")
# The rule that says for whom `is_admin:True` holds.
ADMIN_RULE = "context_is_admin"
WORDS = frozenset({"and", "or", "not", "(", ")"})


class Unreadable(ValueError):
    """A rule that is not in the language; the sentence says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """Met by everybody, or by nobody."""

    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Met by who has the role, in any case of letters."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Met by who meets the rule of that name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """Met by a caller whose property has this value, or that of an attribute of the object."""

    key: str
    value: str
    attribute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """Met by who does not meet the other."""

    check: "Check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Met by who meets all."""

    checks: tuple["Check", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """Met by who meets one."""

    checks: tuple["Check", ...]


Check: TypeAlias = Constant | Role | Reference | Property | Not | Every | Some
ALWAYS, NEVER = Constant(met=True), Constant(met=False)


def parse(text: str) -> Check:
    """The check that a rule describes.  Raises Unreadable."""
    tokens = TOKEN.findall(text)
    if not tokens:
        return ALWAYS
    reader = _Reader(tokens, text)
    found = reader.either()
    reader.end()
    return found


class _Reader:
    """Reads tokens from left to right; `or` binds weakest, `not` strongest."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._place = 0

    def either(self) -> Check:
        found = [self._both()]
        while self._taken("or"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Some(checks=tuple(found))

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise Unreadable(f"{self._tokens[self._place]!r} is out of place in the rule {self._text!r}")

    def _both(self) -> Check:
        found = [self._one()]
        while self._taken("and"):
            found.append(self._one())
        return found[0] if len(found) == 1 else Every(checks=tuple(found))

    def _one(self) -> Check:
        if self._taken("not"):
            return Not(check=self._one())
        if self._taken("("):
            found = self.either()
            if not self._taken(")"):
                raise Unreadable(f"a parenthesis is not closed in the rule {self._text!r}")
            return found
        if self._place >= len(self._tokens) or self._tokens[self._place].lower() in WORDS:
            raise Unreadable(f"a check is missing in the rule {self._text!r}")
        self._place += 1
        return _check(self._tokens[self._place - 1], self._text)

    def _taken(self, word: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place].lower() == word:
            self._place += 1
            return True
        return False


def _check(token: str, text: str) -> Check:
    if token in ("@", "!"):
        return ALWAYS if token == "@" else NEVER
    kind, colon, value = token.partition(":")
    if not colon:
        raise Unreadable(f"{token!r} is no check in the rule {text!r}: write KIND:VALUE, @ or !")
    if kind == "role":
        return Role(name=value.lower())
    if kind == "rule":
        return Reference(name=value)
    attribute = ATTRIBUTE.fullmatch(value)
    return Property(key=kind, value=value, attribute=attribute[1] if attribute else None)


def references(check: Check) -> Iterator[str]:
    """The names of the rules that a check leads to."""
    match check:
        case Reference(name=name):
            yield name
        case Property(key="is_admin"):
            yield ADMIN_RULE
        case Not(check=inner):
            yield from references(inner)
        case Every(checks=checks) | Some(checks=checks):
            for each in checks:
                yield from references(each)
        case Constant() | Role() | Property():
            return
        case _:
            assert_never(check)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks about what: the caller's roles (in lower case) and properties, the attributes of the object."""

    roles: frozenset[str]
    properties: Mapping[str, str]
    target: Mapping[str, str]


def met(check: Check, rules: Mapping[str, Check], asked: Asked) -> bool:
    """Whether a check is met; a rule that does not exist is met by nobody."""
    match check:
        case Constant(met=always):
            return always
        case Role(name=name):
            return name in asked.roles
        case Reference(name=name):
            return name in rules and met(rules[name], rules, asked)
        case Property():
            return _same(check, rules, asked)
        case Not(check=inner):
            return not met(inner, rules, asked)
        case Every(checks=checks):
            return all(met(each, rules, asked) for each in checks)
        case Some(checks=checks):
            return any(met(each, rules, asked) for each in checks)
        case _:
            assert_never(check)


def _same(check: Property, rules: Mapping[str, Check], asked: Asked) -> bool:
    wanted = asked.target.get(check.attribute) if check.attribute is not None else check.value
    if check.key == "is_admin":
        return wanted == str(met(rules[ADMIN_RULE], rules, asked))
    found = asked.properties.get(check.key)
    return found is not None and found == wanted
