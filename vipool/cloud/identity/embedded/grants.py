"""Who has which roles where: giving, taking, asking, and what roles imply."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vipool.cloud.identity.embedded import finding
from vipool.model import domain, faults, group, project, role, user
from vipool.store import rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A scope somebody can have roles in: a project, a domain, or the system."""

    scope: role.Scope
    id: str

    @classmethod
    def project(cls, identifier: str) -> "Place":
        """A project."""
        return cls(scope=role.Scope.PROJECT, id=identifier)

    @classmethod
    def domain(cls, identifier: str) -> "Place":
        """A domain."""
        return cls(scope=role.Scope.DOMAIN, id=identifier)


SYSTEM = Place(scope=role.Scope.SYSTEM, id=role.SYSTEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whom a role can be given to: a user, or a group."""

    actor: role.Actor
    id: str

    @classmethod
    def user(cls, identifier: str) -> "Holder":
        """A user."""
        return cls(actor=role.Actor.USER, id=identifier)

    @classmethod
    def group(cls, identifier: str) -> "Holder":
        """A group."""
        return cls(actor=role.Actor.GROUP, id=identifier)


def direct(held: session.Session, who: Holder, place: Place) -> tuple[role.Role, ...]:
    """The roles a user or a group was given there, in order of their names."""
    given = rows.find(held, role.Assignment, actor_id=who.id, scope=place.scope, scope_id=place.id)
    return _sorted(rows.find_by_ids(held, role.Role, (each.role_id for each in given)).values())


def effective(held: session.Session, user_id: str, place: Place) -> tuple[role.Role, ...]:
    """The roles a user's token shows there: those given to it or its groups and those implied, none of a domain."""
    given = rows.find(held, role.Assignment, actor_id=actors(held, user_id), scope=place.scope, scope_id=place.id)
    if not given:
        return ()
    identifiers = implied(inferences(held), (each.role_id for each in given))
    found = rows.find_by_ids(held, role.Role, identifiers)
    return _sorted(each for each in found.values() if each.domain_id is None)


def actors(held: session.Session, user_id: str) -> tuple[str, ...]:
    """The ids through which a user can have roles: its own, and those of its groups."""
    return (user_id, *rows.column(held, group.Membership, "group_id", user_id=user_id))


def places(held: session.Session, user_id: str, scope: role.Scope) -> tuple[str, ...]:
    """The ids of the scopes of one kind in which a user has any role, in order."""
    given = rows.find(held, role.Assignment, actor_id=actors(held, user_id), scope=scope)
    return tuple(sorted({each.scope_id for each in given}))


def _sorted(roles: Iterable[role.Role]) -> tuple[role.Role, ...]:
    return tuple(sorted(roles, key=lambda each: (each.name, each.id)))


def inferences(held: session.Session) -> dict[str, tuple[str, ...]]:
    """For each prior role the roles it implies directly."""
    found: dict[str, tuple[str, ...]] = {}
    for each in rows.find(held, role.Inference):
        found[each.prior_role_id] = (*found.get(each.prior_role_id, ()), each.implied_role_id)
    return found


def implied(rules: Mapping[str, tuple[str, ...]], role_ids: Iterable[str]) -> dict[str, str | None]:
    """Every role that comes with these, each with the role that implied it, or None for those given themselves."""
    found: dict[str, str | None] = dict.fromkeys(role_ids)
    waiting = list(found)
    while waiting:
        prior = waiting.pop()
        for each in rules.get(prior, ()):
            if each not in found:
                found[each] = prior
                waiting.append(each)
    return found


def give(held: session.Session, who: Holder, place: Place, role_id: str) -> None:
    """Give a role; nothing happens if it was given already.  Raises faults.NotFound."""
    _check(held, who, place, role_id)
    identifier = _identifier(who, place, role_id)
    if rows.get(held, role.Assignment, identifier) is None:
        made = role.Assignment(
            id=identifier, actor=who.actor, actor_id=who.id, scope=place.scope, scope_id=place.id, role_id=role_id
        )
        rows.add(held, made)


def take(held: session.Session, who: Holder, place: Place, role_id: str) -> None:
    """Take a role; raises faults.NotFound if it was not given."""
    check(held, who, place, role_id)
    rows.remove(held, role.Assignment, _identifier(who, place, role_id))


def check(held: session.Session, who: Holder, place: Place, role_id: str) -> None:
    """Raise faults.NotFound unless the user or the group was given this very role."""
    _check(held, who, place, role_id)
    if rows.get(held, role.Assignment, _identifier(who, place, role_id)) is None:
        raise faults.NotFound(
            f"Could not find role assignment with role: {role_id}, user or group: {who.id}, "
            f"project, domain, or system: {place.id}."
        )


def _check(held: session.Session, who: Holder, place: Place, role_id: str) -> None:
    finding.one(held, role.Role, role_id)
    check_holder(held, who)
    check_place(held, place)


def check_holder(held: session.Session, who: Holder) -> None:
    """Raise faults.NotFound for a user or group that does not exist."""
    match who.actor:
        case role.Actor.USER:
            finding.one(held, user.User, who.id)
        case role.Actor.GROUP:
            finding.one(held, group.Group, who.id)


def check_place(held: session.Session, place: Place) -> None:
    """Raise faults.NotFound for a project or domain that does not exist."""
    match place.scope:
        case role.Scope.PROJECT:
            finding.one(held, project.Project, place.id)
        case role.Scope.DOMAIN:
            finding.one(held, domain.Domain, place.id)
        case role.Scope.SYSTEM:
            pass


def _identifier(who: Holder, place: Place, role_id: str) -> str:
    return finding.derived(who.id, place.scope, place.id, role_id)


def forget(held: session.Session, **equals: str) -> None:
    """Remove every assignment with these values, because what they name is being removed."""
    rows.remove_where(held, role.Assignment, **equals)
