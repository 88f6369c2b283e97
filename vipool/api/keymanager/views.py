"""Objects of the key manager as its API shows them: bare, with addresses in place of identifiers."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from vipool.api import exchange
from vipool.api.keymanager import desk, versions
from vipool.cloud.secrets.embedded import consumers, containers
from vipool.model import attr, consumer, container, guarded, secret
from vipool.store import session

View = dict[str, Any]
MOMENTS = ("created", "updated", "expiration")


def moment(value: datetime.datetime | None) -> str | None:
    """A moment to the second, without a zone."""
    return None if value is None else value.isoformat(timespec="seconds")


def _plain(found: attr.Resource) -> View:
    shown = attr.show(found)
    return {**shown, **{name: moment(getattr(found, name)) for name in MOMENTS if name in shown}}


def secrets(held: session.Session, call: exchange.Call, found: Sequence[secret.Secret]) -> list[View]:
    """Secrets, without their payloads; their consumers from version 1.1 on."""
    shown = versions.minor(call) >= versions.CONSUMERS
    users = consumers.of_each(held, consumer.SecretConsumer, found) if shown else {}
    return [_secret(call, each, users.get(each.id)) for each in found]


def _secret(call: exchange.Call, found: secret.Secret, users: Sequence[consumer.Consumer] | None) -> View:
    shown = _plain(found)
    if users is not None:
        shown["consumers"] = [_user(each) for each in users]
    if found.content_type is not None:
        shown["content_types"] = {"default": found.content_type}
    return {**shown, "secret_ref": desk.ref(call, secret.Secret, found.id)}


def all_containers(held: session.Session, call: exchange.Call, found: Sequence[container.Container]) -> list[View]:
    """Containers, with what is in them."""
    inside = containers.inside(held, *found)
    users = consumers.of_each(held, consumer.ContainerConsumer, found)
    return [_container(call, each, inside[each.id], users[each.id]) for each in found]


def _container(
    call: exchange.Call,
    found: container.Container,
    inside: Sequence[container.Reference],
    users: Sequence[consumer.Consumer],
) -> View:
    refs = [{"name": each.name or None, "secret_ref": desk.ref(call, secret.Secret, each.secret_id)} for each in inside]
    where = desk.ref(call, container.Container, found.id)
    return {
        **_plain(found),
        "secret_refs": refs,
        "consumers": [_user(each) for each in users],
        "container_ref": where,
    }


def one(held: session.Session, call: exchange.Call, found: guarded.Guarded) -> View:
    """One secret or container."""
    if isinstance(found, secret.Secret):
        return secrets(held, call, [found])[0]
    assert isinstance(found, container.Container)
    return all_containers(held, call, [found])[0]


def _user(found: consumer.Consumer) -> View:
    """A consumer as its object shows it: who it is."""
    wires = {each.wire for each in attr.attributes(type(found)) if each.attr.create}
    return {name: value for name, value in attr.show(found).items() if name in wires}


def listed_consumer(found: consumer.Consumer) -> View:
    """A consumer as lists of consumers show it."""
    return _plain(found)


def access_list(found: guarded.Guarded) -> Mapping[str, Any]:
    """The access list of an object; users and moments where it got one of its own."""
    shown: View = {"project-access": found.project_access}
    if found.acl_created is not None:
        shown["users"] = list(found.users)
        shown["created"], shown["updated"] = moment(found.acl_created), moment(found.acl_updated)
    return {"read": shown}
