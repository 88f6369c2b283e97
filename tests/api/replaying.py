"""Replays recorded calls against a face, in order, and says where the answers differ.

Identifiers in recordings are placeholders (`<P1_PORT_ID>`): each is bound to the identifier our face gives at first
sight, also inside of URLs. Addresses that a server chose are bound in the same way. Compared are status, keys, types,
defaults and the form of errors, not their sentences. Lists are compared without regard to order, because identifiers
order them.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PLACEHOLDER = re.compile(r"<[A-Za-z0-9_ :*-]+>")
MAC = "fa:16:3e:<XX:XX:XX>"
ADDRESS = re.compile(r"(\d+\.){3}\d+|[0-9a-f]*:[0-9a-f:]+")

Send = Callable[[Mapping[str, Any]], tuple[int, Any]]


class Replay:
    """One run: what placeholders stand for, and how a call is sent."""

    def __init__(
        self, send: Send, bound: Mapping[str, str], *, volatile: frozenset[str], shaped: frozenset[str] = frozenset()
    ) -> None:
        """``volatile`` names keys whose values no two runs share, ``shaped`` those whose form alone is compared."""
        self.bound = dict(bound)
        self._send = send
        self._volatile = volatile
        self._shaped = shaped

    def call(self, recorded: Mapping[str, Any]) -> list[str]:
        """Send one recorded call; returns how the answer differs from the recorded one."""
        request = {
            **recorded,
            "path": self._substitute(recorded["path"]),
            "body": json.loads(self._substitute(json.dumps(recorded.get("body")))),
        }
        unbound = PLACEHOLDER.findall(request["path"] + json.dumps(request["body"]))
        if unbound:
            return [f"nothing is known of {', '.join(sorted(set(unbound)))}"]
        status, answer = self._send(request)
        if status != recorded["status"]:
            return [f"status {status} in place of {recorded['status']}: {json.dumps(answer)[:200]}"]
        given = json.dumps(request["body"]) + request["path"]
        if recorded["method"] == "GET":
            given = ""  # a list may show other objects first: addresses there say nothing
        self._bind(recorded.get("answer"), answer, given)
        return list(self._compare("", recorded.get("answer"), answer))

    def _substitute(self, text: str) -> str:
        text = re.sub(r"<x \* (\d+)>", lambda found: "x" * int(found[1]), text)
        text = PLACEHOLDER.sub(lambda found: self.bound.get(found[0], found[0]), text)
        return ADDRESS.sub(lambda found: self.bound.get(found[0], found[0]), text)

    def _bind(self, recorded: Any, actual: Any, given: str) -> None:
        match recorded, actual:
            case dict(), dict():
                for key in recorded.keys() & actual.keys():
                    self._bind(recorded[key], actual[key], given)
            case list(), list() if len(recorded) == len(actual):
                for one, other in self._pairs(recorded, actual):
                    self._bind(one, other, given)
            case str(), str() if recorded == MAC:
                self.bound.setdefault("<XX:XX:XX>", actual.removeprefix("fa:16:3e:"))
            case str(), str():
                chosen = given and ADDRESS.fullmatch(recorded) and recorded not in given and recorded != actual
                if PLACEHOLDER.fullmatch(recorded) or (chosen and ADDRESS.fullmatch(actual)):
                    self.bound.setdefault(recorded, actual)
                elif recorded.startswith("http"):
                    self._bind_url(recorded, actual)
            case _:
                pass

    def _bind_url(self, recorded: str, actual: str) -> None:
        """Bind the identifiers inside an address."""
        names = PLACEHOLDER.findall(recorded)
        between = map(re.escape, PLACEHOLDER.split(recorded))
        if names and (found := re.fullmatch("([^/]+)".join(between), actual)):
            for name, value in zip(names, found.groups(), strict=True):
                self.bound.setdefault(name, value)

    def _pairs(self, recorded: list[Any], actual: list[Any]) -> Iterator[tuple[Any, Any]]:
        """Entries that belong together: those with the same identifier, else those in the same place once sorted."""
        left = list(actual)
        later = []
        for one in recorded:
            identifier = self.bound.get(one.get("id", "")) if isinstance(one, dict) else None
            match = next((each for each in left if identifier and each.get("id") == identifier), None)
            if match is None:
                later.append(one)
            else:
                left.remove(match)
                yield one, match
        yield from zip(sorted(later, key=self._order), sorted(left, key=self._order), strict=False)

    def _order(self, entry: Any) -> str:
        """What entries are put in order by: all of them that two runs share."""
        if isinstance(entry, dict):
            chosen = {"id", *self._volatile, *self._shaped}
            entry = {key: value for key, value in entry.items() if key not in chosen}
        return self._substitute(json.dumps(entry, sort_keys=True))

    def _compare(self, where: str, recorded: Any, actual: Any) -> Iterator[str]:
        match recorded, actual:
            case dict(), dict():
                for key in sorted(recorded.keys() - actual.keys()):
                    yield f"{where}/{key} is missing"
                for key in sorted(actual.keys() - recorded.keys()):
                    yield f"{where}/{key} is new: {actual[key]!r}"
                for key in sorted(recorded.keys() & actual.keys() - self._volatile):
                    if key in self._shaped:
                        if _shape(recorded[key]) != _shape(actual[key]):
                            yield f"{where}/{key} has another form: {actual[key]!r} in place of {recorded[key]!r}"
                    else:
                        yield from self._compare(f"{where}/{key}", recorded[key], actual[key])
            case list(), list():
                if len(recorded) != len(actual):
                    yield f"{where} has {len(actual)} entries in place of {len(recorded)}: {json.dumps(actual)[:200]}"
                else:
                    for one, other in self._pairs(recorded, actual):
                        yield from self._compare(where, one, other)
            case str(), str():
                wanted = self._substitute(recorded)
                if wanted != actual and not PLACEHOLDER.search(wanted):
                    yield f"{where} is {actual!r} in place of {wanted!r}"
            case _:
                if (type(recorded), recorded) != (type(actual), actual):
                    yield f"{where} is {actual!r} in place of {recorded!r}"


def _shape(value: Any) -> Any:
    """A value without its texts and numbers: the keys and kinds."""
    match value:
        case dict():
            return {key: _shape(each) for key, each in value.items()}
        case list():
            return [_shape(each) for each in value]
        case _:
            return type(value)


def recordings(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The recorded calls with their line numbers."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        yield number, json.loads(line)


def known_differences(path: Path) -> dict[int, str]:
    """The committed list: `line name: reason`, by line; blank lines and lines with # are for people."""
    found = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            number, _, rest = line.partition(" ")
            found[int(number)] = rest.strip()
    return found
