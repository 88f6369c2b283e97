"""Consumers of secrets and containers over HTTP: registering, listing and forgetting them."""

import functools
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.keymanager import bodies, desk, lists, views
from vipool.cloud.secrets.embedded import consumers
from vipool.model import consumer, container, guarded, secret
from vipool.store import listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What consumers are of, what they are, and what their bodies are called."""

    of: type[guarded.Guarded]
    noun: type[consumer.Consumer]
    schema: str


KINDS = (
    Kind(of=secret.Secret, noun=consumer.SecretConsumer, schema="SecretConsumer"),
    Kind(of=container.Container, noun=consumer.ContainerConsumer, schema="Consumer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumers:
    """The handlers."""

    desk: desk.Desk

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (("GET", "get", self.list), ("POST", "post", self.register), ("DELETE", "delete", self.dismiss))
        return tuple(
            exchange.Route(
                method=method,
                path=f"/v1/{kind.of.NOUN.collection}/{{id}}/consumers",
                policy=f"{kind.of.NOUN.wrapper}_consumers:{rule}",
                handler=functools.partial(handler, kind=kind),
            )
            for kind in KINDS
            for method, rule, handler in table
        )

    def list(self, call: exchange.Call, kind: Kind) -> exchange.Answer:
        """A page of consumers."""
        with self.desk.database.read() as held:
            found = self.desk.one(held, call, kind.of)
            query = lists.consumers(call, found.id)
            page = [views.listed_consumer(each) for each in listing.select(held, kind.noun, query)]
            return lists.answer(call, "consumers", query, page, listing.count(held, kind.noun, query))

    def register(self, call: exchange.Call, kind: Kind) -> exchange.Answer:
        """Note a consumer, unless it is known; the answer is the object it uses."""
        values = bodies.values(kind.noun, bodies.document(call, kind.schema), kind.schema)
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, kind.of)
            consumers.register(held, kind.noun, found, values, self.desk.new_id())
            shown = views.one(held, call, self.desk.one(held, call, kind.of))
        return exchange.Answer(body=shown, headers={"Location": call.url})

    def dismiss(self, call: exchange.Call, kind: Kind) -> exchange.Answer:
        """Forget a consumer; the answer is the object it used."""
        values = bodies.values(kind.noun, bodies.document(call, kind.schema), kind.schema)
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, kind.of)
            consumers.dismiss(held, kind.noun, found, values)
            shown = views.one(held, call, self.desk.one(held, call, kind.of))
        return exchange.Answer(body=shown)
