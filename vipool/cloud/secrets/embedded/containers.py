"""Containers: making and removing them, and what is in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vipool.cloud.secrets.embedded import finding
from vipool.model import consumer, container, faults, secret
from vipool.store import rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A secret under the name that it has in a container."""

    name: str
    secret_id: str


def create(
    held: session.Session, made: container.Container, wanted: Sequence[Named], new_id: Callable[[], str]
) -> None:
    """A new container.  Raises faults.NotFound for a secret that its project does not have."""
    _check_owned(held, made, wanted)
    rows.add(held, made, *(_reference(made, each, new_id()) for each in wanted))


def add(held: session.Session, to: container.Container, wanted: Named, identifier: str) -> None:
    """One secret more.  Raises faults.NotFound, or faults.Conflict when it is there under that name."""
    _check_owned(held, to, [wanted])
    if rows.find(held, container.Reference, container_id=to.id, name=wanted.name):
        raise faults.Conflict(f"Container {to.id} has a secret named '{wanted.name}': choose another name.")
    rows.add(held, _reference(to, wanted, identifier))
    rows.change(held, container.Container, to.id, {"updated": held.now})


def _check_owned(held: session.Session, to: container.Container, wanted: Sequence[Named]) -> None:
    """Refuse secrets that are not there or not the project's, both in the same words."""
    found = finding.several(held, secret.Secret, (each.secret_id for each in wanted))
    for each in wanted:
        if each.secret_id not in found or found[each.secret_id].project_id != to.project_id:
            raise faults.NotFound(f"Secret provided for '{each.name}' doesn't exist in this project: store it first.")


def _reference(to: container.Container, wanted: Named, identifier: str) -> container.Reference:
    return container.Reference(id=identifier, container_id=to.id, secret_id=wanted.secret_id, name=wanted.name)


def take(held: session.Session, out_of: container.Container, wanted: Named) -> None:
    """One secret less.  Raises faults.NotFound when it is not there under that name."""
    equals = {"container_id": out_of.id, "name": wanted.name, "secret_id": wanted.secret_id}
    found = rows.find(held, container.Reference, **equals)
    if not found:
        raise faults.NotFound(f"Container {out_of.id} has no secret {wanted.secret_id} named '{wanted.name}'.")
    rows.remove(held, container.Reference, found[0].id)
    rows.change(held, container.Container, out_of.id, {"updated": held.now})


def inside(held: session.Session, *containers: container.Container) -> dict[str, list[container.Reference]]:
    """What is in containers, by their ids."""
    found: dict[str, list[container.Reference]] = {each.id: [] for each in containers}
    for each in rows.find(held, container.Reference, container_id=tuple(found)):
        found[each.container_id].append(each)
    return found


def remove(held: session.Session, gone: container.Container) -> None:
    """Remove a container and its consumers; the secrets in it stay."""
    rows.remove_where(held, container.Reference, container_id=gone.id)
    rows.remove_where(held, consumer.ContainerConsumer, of_id=gone.id)
    rows.remove(held, container.Container, gone.id)
