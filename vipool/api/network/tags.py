"""Tags of the objects of the network service, one by one and all at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.network import policy
from vipool.cloud.network.embedded import visible
from vipool.model import faults, owned, types
from vipool.store import rows, session

Noun = type[owned.Owned]
TAG = types.String(255, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The handlers of the tags of one kind of object."""

    database: session.Database
    cls: Noun

    def routes(self, base: str) -> Iterator[exchange.Route]:
        """The rows of the table, below the path of the collection."""
        verbs: Mapping[str, Callable[[exchange.Call], exchange.Answer]] = {
            "GET": self.index,
            "PUT": self.replace,
            "POST": self.extend,
            "DELETE": self.clear,
        }
        for method, handler in verbs.items():
            yield exchange.Route(method=method, path=f"{base}/{{id}}/tags", policy="write", handler=handler)
        for method, handler in (("GET", self.check), ("PUT", self.add), ("DELETE", self.remove)):
            yield exchange.Route(method=method, path=f"{base}/{{id}}/tags/{{tag}}", policy="write", handler=handler)

    def _seen(self, held: session.Session, call: exchange.Call) -> Any:
        identifier = call.parts["id"]
        found = visible.get(held, call.who, self.cls, identifier)
        return visible.need(found, self.cls, identifier)

    def _own(self, held: session.Session, call: exchange.Call) -> Any:
        found = visible.need(rows.get(held, self.cls, call.parts["id"]), self.cls, call.parts["id"])
        if not policy.owns(call.who, found):
            raise policy.disallowed(f"update_{self.cls.NOUN.wrapper}:tags")
        return found

    def _keep(self, held: session.Session, of: Any, tags: tuple[str, ...]) -> None:
        if tags != of.tags:
            values = {"tags": tags, "revision_number": of.revision_number + 1, "updated_at": held.now}
            rows.change(held, self.cls, of.id, values)

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET tags."""
        with self.database.read() as held:
            return exchange.Answer(body={"tags": sorted(self._seen(held, call).tags)})

    def check(self, call: exchange.Call) -> exchange.Answer:
        """GET tags/{tag}."""
        with self.database.read() as held:
            _present(self._seen(held, call).tags, call.parts["tag"])
        return exchange.NOTHING

    def add(self, call: exchange.Call) -> exchange.Answer:
        """PUT tags/{tag}."""
        tag = _tag(call.parts["tag"])
        with self.database.write() as held:
            of = self._own(held, call)
            self._keep(held, of, of.tags if tag in of.tags else (*of.tags, tag))
        return exchange.Answer(status=201, body=None)

    def replace(self, call: exchange.Call) -> exchange.Answer:
        """PUT tags."""
        tags = _tags(call.body)
        with self.database.write() as held:
            self._keep(held, self._own(held, call), tags)
        return exchange.Answer(body={"tags": list(tags)})

    def extend(self, call: exchange.Call) -> exchange.Answer:
        """POST tags."""
        tags = _tags(call.body)
        with self.database.write() as held:
            of = self._own(held, call)
            self._keep(held, of, tuple(dict.fromkeys((*of.tags, *tags))))
        return exchange.Answer(body={"tags": list(tags)})

    def remove(self, call: exchange.Call) -> exchange.Answer:
        """DELETE tags/{tag}."""
        tag = call.parts["tag"]
        with self.database.write() as held:
            of = self._own(held, call)
            _present(of.tags, tag)
            self._keep(held, of, tuple(each for each in of.tags if each != tag))
        return exchange.NOTHING

    def clear(self, call: exchange.Call) -> exchange.Answer:
        """DELETE tags."""
        with self.database.write() as held:
            self._keep(held, self._own(held, call), ())
        return exchange.NOTHING


def _present(tags: tuple[str, ...], tag: str) -> None:
    if tag not in tags:
        raise faults.NotFound(f"Tag {tag} could not be found.", kind="TagNotFound")


def _tags(body: object) -> tuple[str, ...]:
    found = body.get("tags") if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise faults.Invalid("Invalid input for operation: tags must be a list.", kind="InvalidInput")
    parsed = tuple(_tag(each) for each in found)
    if len(set(parsed)) != len(parsed):
        raise faults.Invalid("Invalid input for operation: Duplicate items in the list of tags.", kind="InvalidInput")
    return parsed


def _tag(value: object) -> str:
    try:
        return TAG.parse(value)
    except ValueError as error:
        raise faults.Invalid(f"Invalid input for operation: tag: {error}.", kind="InvalidInput") from error
