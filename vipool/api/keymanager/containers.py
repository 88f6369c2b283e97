"""Containers over HTTP: making, listing, showing, changing and removing them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.keymanager import bodies, desk, lists, views
from vipool.cloud.secrets.embedded import containers
from vipool.model import container, faults, types
from vipool.store import listing

SCHEMA = "Container"
NAME = types.String(255)
# Which names must be there, and which may.
NAMES: Mapping[container.Type, tuple[frozenset[str], frozenset[str]]] = {
    container.Type.RSA: (frozenset({container.PUBLIC_KEY, container.PRIVATE_KEY}), frozenset({container.PASSPHRASE})),
    container.Type.CERTIFICATE: (
        frozenset({container.CERTIFICATE}),
        frozenset({container.PRIVATE_KEY, container.PASSPHRASE, container.INTERMEDIATES}),
    ),
}
# Under whatever name of the host: a client may use another one than whoever stored the secret.
OURS = re.compile(r"https?://[^/]+/key-manager/v1/secrets/([^/]+)/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Containers:
    """The handlers."""

    desk: desk.Desk

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("POST", "/v1/containers", "containers:post", self.create),
            ("GET", "/v1/containers", "containers:get", self.list),
            ("GET", "/v1/containers/{id}", "container:get", self.show),
            ("DELETE", "/v1/containers/{id}", "container:delete", self.delete),
            ("POST", "/v1/containers/{id}/secrets", "container_secret:post", self.add),
            ("DELETE", "/v1/containers/{id}/secrets", "container_secret:delete", self.take),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=rule, handler=handler)
            for method, path, rule, handler in table
        )

    def create(self, call: exchange.Call) -> exchange.Answer:
        """Make a container."""
        body = bodies.document(call, SCHEMA)
        values = bodies.values(container.Container, body, SCHEMA)
        wanted = _references(body.get("secret_refs", []), values["type"])
        identifier = self.desk.new_id()
        with self.desk.database.write() as held:
            own = {"id": identifier, "creator_id": call.who.user_id, "project_id": call.who.project_id}
            made = container.Container.build({**values, **own, "created": held.now, "updated": held.now})
            containers.create(held, made, wanted, self.desk.new_id)
        return desk.made(call, container.Container, identifier)

    def list(self, call: exchange.Call) -> exchange.Answer:
        """A page of containers."""
        query = lists.containers(call, call.who)
        with self.desk.database.read() as held:
            found = views.all_containers(held, call, listing.select(held, container.Container, query))
            return lists.answer(call, "containers", query, found, listing.count(held, container.Container, query))

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One container."""
        with self.desk.database.read() as held:
            return exchange.Answer(body=views.one(held, call, self.desk.one(held, call, container.Container)))

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove a container; the secrets in it stay."""
        with self.desk.database.write() as held:
            containers.remove(held, self.desk.one(held, call, container.Container))
        return exchange.NOTHING

    def add(self, call: exchange.Call) -> exchange.Answer:
        """Put one more secret into a generic container."""
        wanted = _reference(bodies.document(call, SCHEMA))
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, container.Container)
            _check_generic(found)
            containers.add(held, found, wanted, self.desk.new_id())
        return desk.made(call, container.Container, found.id)

    def take(self, call: exchange.Call) -> exchange.Answer:
        """Take a secret out of a generic container."""
        wanted = _reference(bodies.document(call, SCHEMA))
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, container.Container)
            _check_generic(found)
            containers.take(held, found, wanted)
        return exchange.NOTHING


def _check_generic(found: container.Container) -> None:
    if found.type is not container.Type.GENERIC:
        raise faults.Invalid(
            f"Container {found.id} is of type {found.type}, and only generic ones change: make another."
        )


def _references(sent: object, kind: container.Type) -> Sequence[containers.Named]:
    """The secrets of a new container, as its type wants them.  Raises faults.Invalid."""
    if not isinstance(sent, list):
        raise bodies.invalid(SCHEMA, "it is not of type 'array'", "secret_refs")
    found = [_reference(each) for each in sent]
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise bodies.invalid(SCHEMA, "Duplicate reference names are not allowed", "secret_refs")
    needed, allowed = NAMES.get(kind, (frozenset(), frozenset(names)))
    if missing := sorted(needed - set(names)):
        raise bodies.invalid(SCHEMA, f"type {kind} needs secrets named {', '.join(missing)}", "secret_refs")
    if set(names) - needed - allowed:
        taken = ", ".join(sorted(needed | allowed))
        raise bodies.invalid(SCHEMA, f"type {kind} takes secrets named {taken}", "secret_refs")
    return found


def _reference(sent: Any) -> containers.Named:
    if not isinstance(sent, dict) or not isinstance(sent.get("secret_ref"), str):
        raise bodies.invalid(SCHEMA, "each is an object with 'secret_ref', and 'name' if it has one", "secret_refs")
    try:
        name = NAME.parse(sent.get("name") or "")
    except ValueError as error:
        raise bodies.invalid(SCHEMA, str(error), "name") from error
    ours = OURS.fullmatch(sent["secret_ref"])
    if ours is None:
        said = faults.said(sent["secret_ref"])
        raise faults.Invalid(f"Provided field value is not supported: '{said}' is no reference of a secret here.")
    return containers.Named(name=name, secret_id=ours[1])
