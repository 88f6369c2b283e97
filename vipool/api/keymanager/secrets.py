"""Secrets over HTTP: storing, listing, showing, reading and removing them."""

from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.keymanager import bodies, desk, dialect, lists, negotiation, policy, views
from vipool.cloud.secrets.embedded import storing
from vipool.model import secret
from vipool.store import listing, session

# What a payload can be read as, by what it is.
READINGS = {
    secret.TEXT: (secret.TEXT, secret.BYTES),
    secret.BYTES: (secret.BYTES,),
    secret.PKCS8: (secret.PKCS8, secret.BYTES),
}
SPELLED = {secret.TEXT: "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The handlers."""

    desk: desk.Desk

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("POST", "/v1/secrets", "secrets:post", self.create),
            ("GET", "/v1/secrets", "secrets:get", self.list),
            ("GET", "/v1/secrets/{id}", "secret:get", self.show),
            ("PUT", "/v1/secrets/{id}", "secret:put", self.fill),
            ("DELETE", "/v1/secrets/{id}", "secret:delete", self.delete),
            ("GET", "/v1/secrets/{id}/payload", "secret:decrypt", self.payload),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=rule, handler=handler)
            for method, path, rule, handler in table
        )

    def create(self, call: exchange.Call) -> exchange.Answer:
        """Store a secret, with its payload or, for now, without."""
        body = bodies.document(call, "Secret")
        deposit = bodies.deposit(body)
        values = bodies.values(secret.Secret, body, "Secret")
        identifier = self.desk.new_id()
        with self.desk.database.write() as held:
            own = {"id": identifier, "creator_id": call.who.user_id, "project_id": call.who.project_id}
            made = secret.Secret.build({**values, **own, "created": held.now, "updated": held.now})
            if made.expiration is not None and made.expiration <= held.now:
                raise bodies.invalid("Secret", "'expiration' is before current time", "expiration")
            storing.create(held, self.desk.vault, made, deposit)
        return desk.made(call, secret.Secret, identifier)

    def list(self, call: exchange.Call) -> exchange.Answer:
        """A page of what is said of secrets."""
        with self.desk.database.read() as held:
            query = lists.secrets(held, call)
            found = views.secrets(held, call, listing.select(held, secret.Secret, query))
            return lists.answer(call, "secrets", query, found, listing.count(held, secret.Secret, query))

    def show(self, call: exchange.Call) -> exchange.Answer:
        """What is said of a secret; its payload to clients that accept nothing else, as older ones do."""
        with self.desk.database.read() as held:
            found = self.desk.one(held, call, secret.Secret)
            readings = READINGS[found.content_type] if found.content_type else ()
            wanted = negotiation.preferred(_accept(call, dialect.JSON), (dialect.JSON, *readings))
            if wanted == dialect.JSON:
                return exchange.Answer(body=views.secrets(held, call, [found])[0])
            policy.check(call, found, policy="secret:decrypt")
            return self._payload(held, found, wanted)

    def payload(self, call: exchange.Call) -> exchange.Answer:
        """The payload of a secret."""
        with self.desk.database.read() as held:
            found = self.desk.one(held, call, secret.Secret)
            readings = READINGS[found.content_type or secret.BYTES]
            return self._payload(held, found, negotiation.preferred(_accept(call, secret.BYTES), readings))

    def _payload(self, held: session.Session, found: secret.Secret, wanted: str | None) -> exchange.Answer:
        if wanted is None and found.content_type is not None:
            takes = " or ".join(READINGS[found.content_type])
            raise dialect.NotAcceptable(f"Wrong payload content-type: accept {takes}.")
        clear = storing.clear(held, self.desk.vault, found)
        kind = wanted or secret.BYTES
        return exchange.Answer(raw=clear, headers={"Content-Type": SPELLED.get(kind, kind)})

    def fill(self, call: exchange.Call) -> exchange.Answer:
        """Send the payload of a secret that was stored without."""
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, secret.Secret)
            storing.fill(held, self.desk.vault, found, bodies.raw_deposit(call))
        return exchange.NOTHING

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove a secret."""
        with self.desk.database.write() as held:
            storing.remove(held, self.desk.one(held, call, secret.Secret))
        return exchange.NOTHING


def _accept(call: exchange.Call, otherwise: str) -> str:
    return call.headers.get("accept", "") or otherwise
